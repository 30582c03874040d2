"""The `price` of a deployment: what it costs from now on, or from the instants that the file names."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from django.utils import timezone

from providers.models import Deployment, DeploymentPrice
from providers.prices import UNKNOWN, History, Origin, in_effect, successor
from providers.revisions import CATALOG
from providers.usdprice import COLUMNS, UsdPrice, problems
from routing.configfile import schema
from routing.configfile.changes import Changes, shown

FILE = Origin("file")


def check_prices(changes: Changes, path: str, given: schema.Prices, embeds: bool) -> None:
    """Note what is wrong with a deployment's price, or with any of its list."""
    for where, price in _placed(path, given):
        for name, text in problems(price, embeds):
            changes.problem(f"{where}.{name}" if name else where, text)
    if isinstance(given, list):
        starts = [price.effective_from for price in given]
        if len(set(starts)) < len(starts):
            changes.problem(path, "two prices begin at the same time; give each but one its own effective_from")


def put_prices(changes: Changes, deployment: Deployment, given: schema.Prices, history: History) -> None:
    """Add the prices that differ from what is in effect at their time; `null` makes it unknown from now on."""
    now, known = timezone.now(), list(history)
    prices = [price for _, price in _placed("", given)]
    for price in sorted(prices, key=lambda price: price.effective_from or now) or _nothing(given):
        _put(changes, deployment, price, price.effective_from or now, known)


def exported_price(history: History, now: datetime) -> Any:
    """The price in effect as the file has it; a list, where others are planned. None: there is none to tell."""
    current = in_effect(history, now)
    planned = [row for row in history if row.effective_from > now]
    entries = [_entry(row, None) for row in [current] if row and row.usd.input is not None]
    entries += [_entry(row, row.effective_from) for row in planned if row.usd.input is not None]
    return entries if planned else entries[0] if entries else None


def _placed(path: str, given: schema.Prices) -> Iterator[tuple[str, schema.Price]]:
    if isinstance(given, schema.Price):
        yield path, given
    elif isinstance(given, list):
        yield from ((f"{path}[{index}]", price) for index, price in enumerate(given))


def _nothing(given: schema.Prices) -> list[schema.Price]:
    return [schema.Price()] if given is None else []


def _put(
    changes: Changes, deployment: Deployment, price: schema.Price, at: datetime, known: list[DeploymentPrice]
) -> None:
    usd = UsdPrice(**{name: getattr(price, name) for name in (*COLUMNS, "tiers")})
    before = in_effect(known, at)
    words = list(_words(before.usd if before else UNKNOWN, usd, added=before is None))
    row = successor(deployment, known, usd, at, FILE)
    if row is None:
        return
    row.save()
    known[:] = sorted({*known, row}, key=lambda each: each.effective_from)
    since = f" from {at.isoformat()}" if price.effective_from else ""
    changes.note(CATALOG, row, f"price of {deployment}{since}", words, None)


def _words(old: UsdPrice, new: UsdPrice, added: bool) -> Iterator[str]:
    for name in (*COLUMNS, "tiers"):
        was, will = _readable(getattr(old, name)), _readable(getattr(new, name))
        if was != will:
            yield f"{name} {shown(will)}" if added else f"{name} {shown(was)} -> {shown(will)}"


def _readable(value: Any) -> Any:
    return msgspec.to_builtins(value) if isinstance(value, tuple) else value


def _entry(row: DeploymentPrice, since: datetime | None) -> dict[str, Any]:
    usd = row.usd
    rates = {name: number(value) for name in COLUMNS if (value := getattr(usd, name)) is not None}
    tiers = [{name: number(value) for name, value in msgspec.structs.asdict(tier).items() if value is not None}
             for tier in usd.tiers]  # fmt: skip
    return {**rates, **({"tiers": tiers} if tiers else {}), **({"effective_from": since} if since else {})}


def number(value: Any) -> int | float:
    """A decimal as YAML writes it plainly."""
    return int(value) if value == int(value) else float(value)
