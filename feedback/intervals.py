"""How sure is a mean of ratings? Wilson's interval, which holds for few ratings and near the ends of the scale."""

from math import sqrt
from typing import Final

from msgspec import Struct

Z_95: Final = 1.959964  # 95 % of a normal distribution lie within so many standard deviations


class Estimate(Struct, frozen=True):
    """A mean of `n` values from 0 to 1 with the ends of its interval of 95 %."""

    n: int
    mean: float
    low: float
    high: float


def wilson(mean: float, n: int, z: float = Z_95) -> Estimate:
    """The score interval of Wilson (1927), J. Amer. Statist. Assoc. 22, 209-212, for a mean from 0 to 1 of `n` values.

    It is that of a share of yes and no. Of values in between the spread is less, so the interval is then wider than it
    need be, never narrower. Raises `ValueError` without a value, or for a mean outside of the scale.
    """
    if n < 1 or not 0 <= mean <= 1:
        raise ValueError(f"n={n}, mean={mean}: at least one value, from 0 to 1")
    scale = 1 + z * z / n
    middle = (mean + z * z / (2 * n)) / scale
    half = z / scale * sqrt(mean * (1 - mean) / n + z * z / (4 * n * n))
    low, high = min(middle - half, mean), max(middle + half, mean)  # rounding may leave an end on the wrong side
    return Estimate(n, mean, max(low, 0.0), min(high, 1.0))
