"""When will what is left be spent? From what was spent in each of the last steps of time. Pure.

With `n` steps (hours, or days) whose spends have the mean `m` and the standard deviation `s`, the spend of the next `t`
steps is expected to be `m·t`, with a standard deviation of `s·√(t + t²/n)`: the steps to come differ from their mean as
the past ones did, and the mean itself is known only as well as `n` steps can tell it. What is left lasts until
`m·t` reaches it; the interval ends where `m·t ± Z·s·√(t + t²/n)` does. Eight times in ten it holds the true instant, as
long as the steps to come are like those that were.
"""

from collections.abc import Sequence
from math import sqrt
from statistics import mean, stdev
from typing import Final

from msgspec import Struct

ENOUGH: Final = 3  # steps: from fewer nobody can tell how they differ
Z: Final = 1.2816  # a tenth of a normal distribution lies above it, and a tenth below its negative


class Forecast(Struct, frozen=True):
    """What a step costs, and how much that differs; amounts in the unit of the spends."""

    steps: int
    mean: float
    spread: float

    def spend(self, steps: float, side: int = 0) -> float:
        """What the next so many steps cost: expected, or the upper (1) or lower (-1) end of the interval."""
        expected = self.mean * steps
        return max(expected + side * Z * self.spread * sqrt(steps + steps**2 / self.steps), 0.0)

    def lasts(self, left: float, side: int = 0) -> float | None:
        """For how many steps `left` lasts: expected, or at least (1), or at most (-1). None: without an end."""
        if left <= 0:
            return 0.0
        if not side or not self.spread:
            return left / self.mean if self.mean else None
        # Both ends are roots of (m·t - left)² = Z²·s²·(t + t²/n).
        variance = (Z * self.spread) ** 2
        square, linear = self.mean**2 - variance / self.steps, 2 * left * self.mean + variance
        root = sqrt(linear**2 - 4 * square * left**2)
        if side > 0:
            return 2 * left**2 / (linear + root)
        return (linear + root) / (2 * square) if square > 0 else None


def forecast(spends: Sequence[int]) -> Forecast | None:
    """From the spend of each step, the oldest first; None where they are too few to tell."""
    if len(spends) < ENOUGH:
        return None
    return Forecast(len(spends), mean(spends), stdev(spends))


def since_it_began(spends: Sequence[int]) -> Sequence[int]:
    """Without the steps before the first spend, and without the one that it fell into: that one was cut short."""
    first = next((i for i, spent in enumerate(spends) if spent), 0)
    return spends[first + 1 :] if first else spends
