"""How much of each upstream's rate limits is left, and when will it be used up? From what upstreams told last."""

from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from dashboard.scope import Scope
from providers.headroom import Headroom
from providers.wire.ratelimits import RateLimit
from routing.inflight import asking
from usage.selectors import TimeRange, Totals, attempts, by

LATELY: Final = timedelta(minutes=15)  # whose pace the projection takes


class Left(Struct, frozen=True):
    """One limit of one credential at one deployment, now. `reset_in_s` None is not told; `over`: it has reset since it
    was told, so that it is whole as far as is known. `empty_in_s` None: not before it resets, or not known."""

    deployment: str
    last_four: str
    kind: str
    limit: int | None
    remaining: int | None
    told_at: datetime
    reset_in_s: float | None
    over: bool
    empty_in_s: float | None
    why_not: str  # why there is no `empty_in_s`

    @property
    def provider(self) -> str:
        return self.deployment.partition("/")[0]

    @property
    def share(self) -> float | None:
        """What is left of it, 0 to 1; None where that is not told, or was before it reset."""
        if self.over or self.remaining is None or not self.limit:
            return None
        return min(self.remaining / self.limit, 1.0)


class Known(Struct, frozen=True):
    """The tightest first. `whole`: whether every worker was heard."""

    lefts: tuple[Left, ...]
    whole: bool


class Pace(Struct, frozen=True):
    """What one deployment was asked lately, per second, by the kinds of limits."""

    per_s: dict[str, float]

    def of(self, kind: str) -> float:
        return self.per_s.get(kind, 0.0)


def known_headrooms(scope: Scope) -> Known:
    """Of every upstream; one question to the workers for all panels of a page, two queries where limits are known."""
    found = scope.ask(asking.headrooms)
    paces = scope.ask(_paces, scope.period.now) if found.known and scope.sight is None else None
    counts: dict[str, int] = {}
    for one in found.known:
        counts[one.deployment] = counts.get(one.deployment, 0) + 1
    lefts = [
        _left(one, limit, paces, counts[one.deployment], scope.period.now)
        for one in found.known
        for limit in one.limits
    ]
    lefts.sort(key=lambda one: (one.share is None, one.share or 0.0, one.deployment, one.last_four, one.kind))
    return Known(tuple(lefts), found.whole)


def _paces(now: datetime) -> dict[str, Pace]:
    span, seconds = TimeRange.around(now - LATELY, now, now), LATELY.total_seconds()
    served: dict[str, Totals] = {str(one.value): one.totals for one in by("deployment", span)}
    paces = {}
    for one in attempts(span):
        sums = served.get(one.deployment, Totals())
        counted = {
            "requests": one.attempts, "input-tokens": sums.prompt_tokens, "output-tokens": sums.completion_tokens,
            "tokens": sums.prompt_tokens + sums.completion_tokens,
        }  # fmt: skip
        paces[one.deployment] = Pace({kind: count / seconds for kind, count in counted.items()})
    return paces


def _left(one: Headroom, limit: RateLimit, paces: dict[str, Pace] | None, sharers: int, now: datetime) -> Left:
    told_at = datetime.fromtimestamp(one.told_us / 1e6, UTC)
    age_s = (now - told_at).total_seconds()
    over = limit.reset_s is not None and limit.reset_s <= age_s
    reset_in_s = None if limit.reset_s is None or over else limit.reset_s - age_s
    empty_in_s, why_not = _empty(limit, reset_in_s, over, paces, one.deployment, sharers)
    return Left(
        one.deployment, one.last_four, limit.kind, limit.limit, limit.remaining, told_at, reset_in_s, over, empty_in_s,
        why_not,
    )  # fmt: skip


def _empty(
    limit: RateLimit, reset_in_s: float | None, over: bool, paces: dict[str, Pace] | None, name: str, sharers: int
) -> tuple[float | None, str]:
    """In how many seconds it is used up at the pace of the last minutes, shared among its credentials; or why not."""
    if over:
        return None, "it has reset since it was told"
    if limit.remaining is None:
        return None, "what is left was not told"
    if limit.remaining == 0:
        return 0.0, ""
    if paces is None:
        return None, "the pace of all tenants is for who sees every one"
    pace = paces[name].of(limit.kind) / sharers if name in paces else 0.0
    if not pace:
        return None, "nothing was asked of it in the last 15 minutes"
    empty_in_s = limit.remaining / pace
    if reset_in_s is not None and empty_in_s > reset_in_s:
        return None, "not before it resets"
    return empty_in_s, ""
