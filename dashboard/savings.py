"""What did routing save? What answered requests cost, beside what they would have cost with a baseline.

Three baselines are summed up by the shipper with the requests themselves (`usage.comparing`). The fourth is a model by
its name: the tokens that were counted, at the prices that it had then. Either way every request of a range is in it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Final

from msgspec import Struct, structs

from dashboard.scope import Scope
from providers.chat import TokenUsage
from providers.pricebook import PriceHistory, histories_called
from providers.targets import Price
from usage.comparing import LONG_PROMPT, uncached
from usage.selectors import Compared, Entities, TimeRange, compared
from usage.selectors.compared import Column

ASKED, DEAREST, FIRST = "asked", "dearest", "first"
MICRO: Final = 1_000_000

By = tuple[Column, ...]  # what sums are grouped by; what saved it is known where the provider is among them
SPLIT_BY: Final[By] = ("policy", "provider")  # panels of one page share the answer


class Saved(Struct, frozen=True):
    """Sums over answered requests; amounts in nano-dollars. What is not in `requests` is not in the amounts."""

    answered: int = 0
    earlier: int = 0  # from before baselines were kept
    unpriced: int = 0  # what they cost, or their tokens, are unknown
    requests: int = 0  # compared with the baseline
    estimated: int = 0  # of those that can be compared, with tokens that are our estimate
    baseline: int = 0
    paid: int = 0
    split: int = 0  # of `requests`: of whom it is known what saved it
    routing: int = 0
    cache: int = 0
    local: int = 0
    further: int = 0  # what failed attempts, hedges and recoveries cost, less than nothing
    cached: int = 0  # what tokens from a cache saved at what answered, of all that is split
    at_least: bool = False  # the baseline is a lower bound

    @property
    def saved(self) -> int:
        """Less than nothing where the baseline would have been cheaper."""
        return self.baseline - self.paid

    @property
    def unsplit(self) -> int:
        """Saved, and it is not known by what."""
        return self.saved - self.routing - self.cache - self.local - self.further

    @property
    def cached_of_all(self) -> int | None:
        """What tokens from a cache saved at what answered these requests; None: it is known of others than these."""
        return None if self.unmatched or self.split < self.requests else self.cached

    @property
    def unmatched(self) -> int:
        """Answered at a known cost, but the baseline has none for them."""
        return self.answered - self.earlier - self.unpriced - self.requests

    def __add__(self, other: "Saved") -> "Saved":
        sums = [a + b for a, b in zip(structs.astuple(self), structs.astuple(other), strict=True)]
        return structs.replace(Saved(*sums), at_least=self.at_least or other.at_least)


def total(parts: Sequence[Saved]) -> Saved:
    """All together."""
    return sum(parts, Saved())


def baseline_of(scope: Scope) -> str:
    """The `baseline` of the address: `asked`, `dearest`, `first`, or the name of a model."""
    return scope.word("baseline") or DEAREST


def saved_in(scope: Scope, buckets: tuple[TimeRange, ...], by: By = ()) -> dict[tuple[str, ...], list[Saved]]:
    """Of each bucket against the baseline of the address, by who answered or decided; without a group under ()."""
    return scope.ask(saved, buckets, scope.entities, baseline_of(scope), scope.period.now, by)


def saved(
    buckets: Sequence[TimeRange], entities: Entities, baseline: str, now: datetime, by: By = ()
) -> dict[tuple[str, ...], list[Saved]]:
    """Two queries at most: the prices of the model that is the baseline, and the sums."""
    splits = "provider" in by
    if baseline in _KEPT:
        columns = (*_KEPT[baseline], *((*SPLIT, *_STEPS[baseline]) if splits else ()))
        sums = compared(buckets, entities, columns, by)
        return {value: [_kept(part, baseline) for part in parts] for value, parts in sums.items()}
    histories = tuple(histories_called(baseline).values())
    changes = [datetime.fromtimestamp(us / MICRO, UTC) for each in histories for us in each.begins_us]
    pieces = [(position, piece) for position, each in enumerate(buckets) for piece in each.cut(changes, now)]
    found: dict[tuple[str, ...], list[Saved]] = {}
    columns = (*TOKENS, *(SPLIT if splits else ()))
    for value, parts in compared([piece for _, piece in pieces], entities, columns, by).items():
        sums_of = found[value] = [Saved()] * len(buckets)
        for (position, piece), part in zip(pieces, parts, strict=True):
            sums_of[position] += _priced(part, histories, piece)
    return found


TOKENS: Final = (
    *("compared_prompt", "compared_completion", "compared_cached", "compared_cache_write", "compared_cache_write_1h"),
    *("compared_reasoning", "compared_long"),
)
SPLIT: Final = ("split", "split_local", "split_served", "split_cached")
_KEPT: Final[Mapping[str, tuple[str, str, str]]] = {  # requests, their cost there, what they cost
    DEAREST: ("compared", "dearest_cost", "compared_paid"),
    ASKED: ("asked", "asked_cost", "asked_paid"),
    FIRST: ("first", "first_cost", "first_paid"),
}
_STEPS: Final[Mapping[str, tuple[str, str, str, str]]] = {  # requests of whom they are known, and the steps
    DEAREST: ("split", "dearest_routing", "dearest_cache", "dearest_further"),
    ASKED: ("asked_split", "asked_routing", "asked_cache", "asked_further"),
    FIRST: ("first_split", "first_routing", "first_cache", "first_further"),
}


def _kept(sums: Compared, baseline: str) -> Saved:
    requests, cost, paid = (getattr(sums, name) for name in _KEPT[baseline])
    whole = structs.replace(_unknown(sums), requests=requests, baseline=cost, paid=paid)
    return _split(whole, sums, *(getattr(sums, name) for name in _STEPS[baseline]))


def _split(whole: Saved, sums: Compared, split: int, routing: int, cache: int, further: int) -> Saved:
    """With its steps; `sums` are of one provider, which runs on the operator's own hardware or does not."""
    local = bool(sums.split_local) and sums.split_local == sums.split
    step = {"local": routing} if local else {"routing": routing}
    return structs.replace(whole, split=split, cache=cache, further=further, cached=sums.split_cached, **step)


def _unknown(sums: Compared) -> Saved:
    """What there is before anything is compared."""
    return Saved(
        answered=sums.answered,
        earlier=sums.answered - sums.looked_at,
        unpriced=sums.looked_at - sums.compared,
        estimated=sums.compared_estimated,
    )


def _priced(sums: Compared, histories: Sequence[PriceHistory], piece: TimeRange) -> Saved:
    """At the dearest of the deployments that the model had then; not at all where no price of it is known."""
    end_us = piece.seconds[1] * MICRO - 1  # a change within the piece's first minutes began it
    prices = [price for each in histories if (price := each.at(end_us))]
    if not prices or not sums.compared:
        return _unknown(sums)
    cost, saved_there, at_least = max(_cost(sums, price) for price in prices)
    requests, paid = sums.compared, sums.compared_paid
    whole = structs.replace(_unknown(sums), requests=requests, baseline=cost, paid=paid, at_least=at_least)
    if sums.split != sums.compared:
        return whole  # the tokens of those that are split are not known apart
    routing = cost + saved_there - sums.split_served - sums.split_cached
    return _split(whole, sums, sums.split, routing, sums.split_cached - saved_there, sums.split_served - paid)


def _cost(sums: Compared, price: Price) -> tuple[int, int, bool]:
    """Of all tokens together; what those from a cache saved of it; and whether the cost is the least that it can be:
    which of them lay above a tier of the price is known only where none did."""
    usage = TokenUsage(
        sums.compared_prompt,
        sums.compared_completion,
        cached=sums.compared_cached,
        cache_write=sums.compared_cache_write,
        cache_write_1h=sums.compared_cache_write_1h,
        reasoning=sums.compared_reasoning,
    )
    below = structs.replace(price, tiers=(), request=price.request * sums.compared)
    reached = [tier for tier in price.tiers if sums.compared_long or tier.above < LONG_PROMPT]
    rates = [below, *(structs.replace(tier.price, request=below.request) for tier in reached)]
    cost, least = min(((each.cost_nano_usd(usage), each) for each in rates), key=itemgetter(0))
    return cost, least.cost_nano_usd(uncached(usage)) - cost, bool(reached)
