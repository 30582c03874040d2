"""What would a price list change? Proposals for people to decide; nothing is priced by a list alone."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import msgspec
from django.db import transaction
from msgspec import Struct, structs

from providers import audit
from providers.embeddings import only_embeds
from providers.models import Deployment, PriceListReading, PriceProposal, Provider
from providers.pricelists.base import NoPriceList, PriceList, Prices
from providers.prices import UNKNOWN, Origin, histories, in_effect, successor
from providers.realms import APART
from providers.revisions import CATALOG, bump
from providers.usdprice import COLUMNS, UsdPrice, problems
from providers.vendors import VENDORS

PLAYED: Final = (Provider.Source.SANDBOX, *APART)


class Proposed(Struct, frozen=True):
    """One difference: a deployment, its price now, and the list's."""

    deployment: str
    before: UsdPrice
    after: UsdPrice

    @property
    def words(self) -> str:
        return ", ".join(differences(self.before, self.after))


class Synced(Struct, frozen=True):
    """What a reading found: prices in the list, deployments that are in it, and what differs."""

    entries: int
    matched: int
    proposed: tuple[Proposed, ...]


def sync(price_list: PriceList, data: bytes, url: str, now: datetime, *, dry_run: bool = False) -> Synced:
    """Compare a list with every deployment and keep the differences as open proposals, in place of earlier ones.

    Raises `NoPriceList`, also where the list has less than half the prices of its last reading: something broke there.
    """
    prices = price_list.read(data)
    with transaction.atomic():
        _refuse_shrunk(price_list.name, len(prices))
        reading = PriceListReading.objects.create(list_name=price_list.name, url=url, read_at=now, entries=len(prices))
        synced = _propose(reading, prices, now)
        transaction.set_rollback(dry_run)
    return synced


@transaction.atomic
def accept(proposal: PriceProposal, actor: audit.Actor, now: datetime) -> None:
    """Make the proposed price the one that holds from now on."""
    reading = proposal.reading
    origin = Origin(f"{reading.list_name}: {reading.url}"[:300], reading.read_at.date())
    history = histories([proposal.deployment_id])[proposal.deployment_id]
    row = successor(proposal.deployment, history, proposal.usd, now, origin)
    if row is not None:
        row.save()
        audit.record(actor, "added", row, audit.added(row))
        bump(CATALOG)
    _decide(proposal, PriceProposal.State.ACCEPTED, actor, now)


@transaction.atomic
def decline(proposal: PriceProposal, actor: audit.Actor, now: datetime) -> None:
    """Leave the price as it is; the same proposal does not come again."""
    _decide(proposal, PriceProposal.State.DECLINED, actor, now)


def differences(before: UsdPrice, after: UsdPrice) -> Iterator[str]:
    """`input 3 -> 2.5 (-17 %)`, for every part that differs."""
    for name in COLUMNS:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            change = f" ({(new / old - 1) * 100:+.0f} %)" if old and new is not None else ""
            yield f"{name} {_shown(old)} -> {_shown(new)}{change}"
    if before.tiers != after.tiers:
        yield f"tiers {_tiers(before)} -> {_tiers(after)}"


def _refuse_shrunk(name: str, entries: int) -> None:
    last = PriceListReading.objects.filter(list_name=name).first()
    if last is not None and entries * 2 < last.entries:
        raise NoPriceList(f"{name}: {entries} prices, and {last.entries} on {last.read_at:%Y-%m-%d}: refused")


def _propose(reading: PriceListReading, prices: Prices, now: datetime) -> Synced:
    PriceProposal.objects.filter(state=PriceProposal.State.OPEN, reading__list_name=reading.list_name).delete()
    declined = _declined()
    known, matched, proposed = histories(), 0, []
    rows = Deployment.objects.select_related("provider", "model").exclude(provider__source__in=PLAYED)
    for row in rows.order_by("provider__name", "model__name"):
        found = prices.get((vendor_of(row.provider), row.upstream_model.lower()))
        if found is None or any(problems(found, only_embeds(row.capabilities))):
            continue
        matched += 1
        current = in_effect(known.get(row.pk, ()), now)
        before = current.usd if current else UNKNOWN
        after = _with_kept_parts(before, found)
        if after != before and (row.pk, after) not in declined:
            _keep(reading, row, after)
            proposed.append(Proposed(str(row), before, after))
    return Synced(len(prices), matched, tuple(proposed))


def vendor_of(provider: Provider) -> str:
    """Who bills: the vendor at the provider's address, else by the provider's own name."""
    host = urlsplit(provider.base_url).hostname
    at_home = (vendor.name for vendor in VENDORS if not vendor.local and urlsplit(vendor.base_url).hostname == host)
    return next(at_home, provider.name)


def _with_kept_parts(before: UsdPrice, found: UsdPrice) -> UsdPrice:
    """A list that knows no rate of a part says nothing about it, as long as the whole costs the same."""
    if (before.input, before.output) != (found.input, found.output):
        return found
    kept = {name: getattr(before, name) for name in COLUMNS if getattr(found, name) is None}
    return structs.replace(found, **kept, tiers=found.tiers or before.tiers)


def _declined() -> set[tuple[int, UsdPrice]]:
    rows = PriceProposal.objects.filter(state=PriceProposal.State.DECLINED)
    return {(row.deployment_id, row.usd) for row in rows}


def _keep(reading: PriceListReading, row: Deployment, after: UsdPrice) -> None:
    PriceProposal.objects.filter(deployment=row, state=PriceProposal.State.OPEN).delete()
    PriceProposal.objects.create(reading=reading, deployment=row, price=msgspec.to_builtins(after))


def _decide(proposal: PriceProposal, state: PriceProposal.State, actor: audit.Actor, now: datetime) -> None:
    proposal.state, proposal.decided_at, proposal.decided_by = state, now, actor.name
    proposal.save(update_fields=["state", "decided_at", "decided_by"])


def _shown(usd: object) -> str:
    return "none" if usd is None else f"{usd:f}".rstrip("0").rstrip(".") if "." in f"{usd:f}" else f"{usd:f}"


def _tiers(usd: UsdPrice) -> str:
    return "; ".join(f"above {tier.above}: {tier.input} / {tier.output}" for tier in usd.tiers) or "none"
