"""How many tokens does a model report for each that we estimate? Pure: pairs in, a factor out.

The factor is the sum of what was reported over the sum of what was estimated, so that on the whole nothing is off. A
usage that is absurd must not decide it: no pair weighs more than a sixteenth, whatever its size; what lies far from
the weighted median is left out; and a factor has bounds.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final

from msgspec import Struct

from usage.selectors.prompts import PromptPair

ENOUGH: Final = 20  # pairs to speak of a model
MOST_WEIGHT: Final = 1 / 16  # of one pair in all
FAR: Final = 2.5  # times the median, either way
SMALLEST, LARGEST = 0.25, 4.0  # beyond them it is no tokenizer's doing


class Calibration(Struct, frozen=True):
    """A model's factor, how many pairs it rests on, and by what share a prompt is off all the same, on average."""

    factor: float
    pairs: int
    typical_error: float


class _Weighed(Struct, frozen=True):
    ratio: float
    weight: float


def calibration(pairs: Sequence[PromptPair]) -> Calibration | None:
    """What the pairs say; None: too few, or too few that agree."""
    if len(pairs) < ENOUGH:
        return None
    weighed = _weighed(pairs)
    middle = _median(weighed)
    agreed = [one for one in weighed if middle / FAR <= one.ratio <= middle * FAR]
    if len(agreed) < ENOUGH / 2:
        return None
    total = sum(one.weight for one in agreed)
    factor = min(max(sum(one.ratio * one.weight for one in agreed) / total, SMALLEST), LARGEST)
    errors = sum(abs(factor / one.ratio - 1) * one.weight for one in agreed) / total
    return Calibration(factor, len(agreed), errors)


def _weighed(pairs: Iterable[PromptPair]) -> list[_Weighed]:
    """Ratios with their weights, sorted: what was estimated, capped at the share that one pair may have of all."""
    sizes = [pair.estimated for pair in pairs]
    cap = _cap(sizes)
    return sorted(
        (_Weighed(pair.reported / pair.estimated, min(pair.estimated, cap)) for pair in pairs),
        key=lambda one: one.ratio,
    )


def _cap(sizes: Sequence[int]) -> float:
    """The largest weight that is at most `MOST_WEIGHT` of all capped weights together.

    With the k largest capped at c, c = share x (k x c + the rest), so c = share x rest / (1 - k x share).
    """
    ascending = sorted(sizes)
    rests = [0, *accumulate(ascending)]
    for capped in range(int(1 / MOST_WEIGHT)):
        left = len(ascending) - capped
        cap = MOST_WEIGHT * rests[left] / (1 - capped * MOST_WEIGHT)
        if ascending[left - 1] <= cap:
            return cap
    return float(ascending[0])


def _median(weighed: Sequence[_Weighed]) -> float:
    half = sum(one.weight for one in weighed) / 2
    reached = accumulate(one.weight for one in weighed)
    return next(one.ratio for one, sofar in zip(weighed, reached, strict=True) if sofar >= half)
