"""Do the figures of money hold together? What each deployment's records say of prices, streams and estimates."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from django.db.models import Count, F, Q, Sum
from msgspec import Struct

from providers.attention import unpriced_use
from usage import ids
from usage.models import RequestRecord
from usage.ranges import TimeRange
from usage.rollups import MINUTE
from usage.selectors.whose import of

ENOUGH: Final = 50  # requests, before a share or an average says something
COST_FACTOR: Final = 3.0  # mixes of prompt and answer differ too; lost usage of streams is off by far more
ESTIMATE_DRIFT: Final = 0.1  # calibrated estimates are on the whole right; what is left is no tokenizer's doing
ESTIMATED_SHARE: Final = 0.1

_TOKENS: Final = F("prompt_tokens") + F("completion_tokens")
_COUNTED: Final = Q(estimated=False, prompt_tokens__gt=0)
_ESTIMATED: Final = _COUNTED & Q(estimated_prompt_tokens__isnull=False)  # null: the upstream keeps a part of the prompt
_PRICED: Final = _COUNTED & Q(cost_nano_usd__isnull=False)


class Finding(Struct, frozen=True):
    """One thing that does not add up, in words, and how many requests it is true of.

    `about` stays the same from check to check, whatever the numbers.
    """

    what: str
    effect: str
    about: str = ""
    requests: int | None = None


def money_sanity(period: TimeRange, calibrated: Mapping[str, datetime] = MappingProxyType({})) -> list[Finding]:
    """What does not add up in the answered requests of the range; one query over its ids.

    `calibrated` says from when on the estimates of some models are to be judged; of others all are.
    """
    found: dict[str, dict[bool, dict[str, Any]]] = defaultdict(dict)
    for row in _sums(period, _judged(calibrated)):
        found[f"{row['provider']}/{row['model']}"][row["stream"]] = row
    return [finding for name in sorted(found) for finding in _of_deployment(name, found[name])]


def _judged(calibrated: Mapping[str, datetime]) -> Q:
    """The records whose estimates are to be judged: a condition for each minute in which models were calibrated."""
    by_minute: dict[int, list[str]] = defaultdict(list)
    for model, since in calibrated.items():
        by_minute[-int(-since.timestamp() // MINUTE) * MINUTE].append(model)
    judged = _ESTIMATED
    for minute, models in by_minute.items():
        judged &= ~Q(model__in=models, id__lt=ids.first_id(minute * 1000))
    return judged


def _sums(period: TimeRange, judged: Q) -> Any:
    low, high = period.id_bounds
    answered = of(RequestRecord.objects.filter(id__gte=low, id__lt=high), None)
    answered = answered.filter(status="answered", provider__isnull=False)
    return answered.values("provider", "model", "stream").annotate(
        requests=Count("id"),
        guessed=Count("id", filter=Q(estimated=True)),
        unpriced=Count("id", filter=Q(cost_nano_usd__isnull=True, prompt_tokens__gt=0)),
        priced=Count("id", filter=_PRICED),
        tokens=Sum(_TOKENS, filter=_PRICED),
        cost=Sum("cost_nano_usd", filter=_PRICED),
        judged=Count("id", filter=judged),
        reported=Sum("prompt_tokens", filter=judged),
        expected=Sum("estimated_prompt_tokens", filter=judged),
    )


def _of_deployment(name: str, by_stream: dict[bool, dict[str, Any]]) -> list[Finding]:
    rows = list(by_stream.values())
    requests = sum(row["requests"] for row in rows)
    found = [_unpriced(name, sum(row["unpriced"] for row in rows)), _streams(name, by_stream)]
    if requests >= ENOUGH:
        found.append(_guessed(name, sum(row["guessed"] for row in rows), requests))
    if sum(row["judged"] for row in rows) >= ENOUGH:
        found.append(_estimate(name, rows))
    return [finding for finding in found if finding]


def _unpriced(name: str, requests: int) -> Finding | None:
    what = f"{name} worked on {requests:,} requests that have tokens and no cost"
    effect = "It has no price, and budgets in USD do not see them."
    return Finding(what, effect, unpriced_use(name), requests) if requests else None


def _streams(name: str, by_stream: dict[bool, dict[str, Any]]) -> Finding | None:
    """A token costs about the same, streamed or not; where it does not, the usage of one of them gets lost."""
    if len(by_stream) < 2 or min(row["priced"] for row in by_stream.values()) < ENOUGH:
        return None
    streamed, whole = (by_stream[kind]["cost"] / by_stream[kind]["tokens"] for kind in (True, False))
    if max(streamed, whole) <= COST_FACTOR * min(streamed, whole):
        return None
    what = f"{name}: a token costs ${streamed / 1000:.4g} per million streamed, ${whole / 1000:.4g} otherwise"
    effect = "The usage of one of the two may be reported wrongly; compare with the invoice."
    return Finding(what, effect, f"streams {name}", sum(row["priced"] for row in by_stream.values()))


def _guessed(name: str, guessed: int, requests: int) -> Finding | None:
    share = guessed / requests
    what, effect = f"{name} reports no usage for {share:.0%} of its requests", "Their tokens and costs are estimates."
    return Finding(what, effect, f"guessed {name}", guessed) if share > ESTIMATED_SHARE else None


def _estimate(name: str, rows: list[dict[str, Any]]) -> Finding | None:
    reported = sum(row["reported"] or 0 for row in rows)
    expected = sum(row["expected"] or 0 for row in rows)
    drift = expected / reported - 1 if reported else 0.0
    what = f"{name}: prompts are estimated {drift:+.0%} off what it reports"
    effect = "Token limits and expected costs go by these estimates, which are calibrated: is its usage right?"
    judged = sum(row["judged"] for row in rows)
    return Finding(what, effect, f"estimates {name}", judged) if abs(drift) > ESTIMATE_DRIFT else None
