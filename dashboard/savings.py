"""What did routing save? What answered requests cost, beside what they would have cost with a baseline.

Three baselines are summed up by the shipper with the requests themselves (`usage.comparing`). The fourth is a model by
its name: the tokens that were counted, at the prices that it had then. Either way every request of a range is in it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal

from msgspec import Struct, structs

from dashboard.scope import Scope
from providers.chat import TokenUsage
from providers.pricebook import PriceHistory, histories_called
from providers.targets import Price
from usage.comparing import LONG_PROMPT
from usage.selectors import Compared, Entities, TimeRange, compared

ASKED, DEAREST, FIRST = "asked", "dearest", "first"
MICRO: Final = 1_000_000

By = Literal["model", "policy"] | None


class Saved(Struct, frozen=True):
    """Sums over answered requests; amounts in nano-dollars. What is not in `requests` is not in the amounts."""

    answered: int = 0
    earlier: int = 0  # from before baselines were kept
    unpriced: int = 0  # what they cost, or their tokens, are unknown
    requests: int = 0  # compared with the baseline
    estimated: int = 0  # of those that can be compared, with tokens that are our estimate
    baseline: int = 0
    paid: int = 0
    at_least: bool = False  # the baseline is a lower bound

    @property
    def saved(self) -> int:
        """Less than nothing where the baseline would have been cheaper."""
        return self.baseline - self.paid

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


def saved_in(scope: Scope, buckets: tuple[TimeRange, ...], by: By = None) -> dict[str, list[Saved]]:
    """Of each bucket against the baseline of the address, by who answered or decided; without a dimension under ''."""
    return scope.ask(saved, buckets, scope.entities, baseline_of(scope), scope.period.now, by)


def saved(
    buckets: Sequence[TimeRange], entities: Entities, baseline: str, now: datetime, by: By = None
) -> dict[str, list[Saved]]:
    """Two queries at most: the prices of the model that is the baseline, and the sums."""
    if baseline in _KEPT:
        sums = compared(buckets, entities, by)
        return {value: [_kept(part, baseline) for part in parts] for value, parts in sums.items()}
    histories = tuple(histories_called(baseline).values())
    changes = [datetime.fromtimestamp(us / MICRO, UTC) for each in histories for us in each.begins_us]
    pieces = [(position, piece) for position, each in enumerate(buckets) for piece in each.cut(changes, now)]
    found: dict[str, list[Saved]] = {}
    for value, parts in compared([piece for _, piece in pieces], entities, by).items():
        sums_of = found[value] = [Saved()] * len(buckets)
        for (position, piece), part in zip(pieces, parts, strict=True):
            sums_of[position] += _priced(part, histories, piece)
    return found


_KEPT: Final[Mapping[str, Callable[[Compared], tuple[int, int, int]]]] = {
    DEAREST: lambda sums: (sums.compared, sums.dearest_cost, sums.compared_paid),
    ASKED: lambda sums: (sums.asked, sums.asked_cost, sums.asked_paid),
    FIRST: lambda sums: (sums.first, sums.first_cost, sums.first_paid),
}


def _kept(sums: Compared, baseline: str) -> Saved:
    requests, cost, paid = _KEPT[baseline](sums)
    return structs.replace(_unknown(sums), requests=requests, baseline=cost, paid=paid)


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
    cost, at_least = max(_cost(sums, price) for price in prices)
    requests, paid = sums.compared, sums.compared_paid
    return structs.replace(_unknown(sums), requests=requests, baseline=cost, paid=paid, at_least=at_least)


def _cost(sums: Compared, price: Price) -> tuple[int, bool]:
    """Of all tokens together, and whether it is the least that it can be: which of them lay above a tier of the price
    is known only where none did."""
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
    costs = [below, *(structs.replace(tier.price, request=below.request) for tier in reached)]
    return min(each.cost_nano_usd(usage) for each in costs), bool(reached)


class Part(Struct, frozen=True):
    """A bar between the baseline and what was paid: from `x`, so wide, both shares of the greatest."""

    label: str
    amount: int  # nano-dollars; what was saved is negative
    x: float
    width: float
    fill: str
    requests: int
    model: str = ""  # that answered these; empty: several, or all


MOST_STEPS: Final = 6  # models that have a step of their own


def parts(by_model: Mapping[str, Saved]) -> tuple[Part, ...]:
    """From the baseline, by what each model that answered took off or put on, to what was paid."""
    whole = total(list(by_model.values()))
    steps = _steps(by_model)
    greatest = whole.baseline + sum(max(-one.saved, 0) for _, _, one in steps) or 1
    drawn = [Part("Baseline", whole.baseline, 0.0, whole.baseline / greatest, "f6", whole.requests)]
    at = whole.baseline
    for label, model, one in steps:
        change, fill = -one.saved, "fok" if one.saved >= 0 else "fbad"
        x, width = min(at, at + change) / greatest, abs(change) / greatest
        drawn.append(Part(label, change, x, width, fill, one.requests, model))
        at += change
    return (*drawn, Part("Paid", whole.paid, 0.0, whole.paid / greatest, "f0", whole.requests))


def _steps(by_model: Mapping[str, Saved]) -> list[tuple[str, str, Saved]]:
    """What saved most first, what cost more last; (label, model, sums)."""
    some = [(model, one) for model, one in by_model.items() if one.requests]
    some.sort(key=lambda item: (-abs(item[1].saved), item[0]))
    shown, rest = some[:MOST_STEPS], some[MOST_STEPS:]
    steps = [(f"{model} answered", model, one) for model, one in shown]
    if rest:
        steps.append((f"{len(rest)} others answered", "", total([one for _, one in rest])))
    return sorted(steps, key=lambda step: -step[2].saved)
