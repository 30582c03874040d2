"""How is a duration kept so that percentiles can be added up? As a count per slot of a logarithmic scale.

Twenty slots per decade, from a microsecond on: a slot is 12 % wide, so a percentile is right to 6 % or so, nearer with
the interpolation.
"""

from collections.abc import Mapping
from math import ceil, log10
from typing import Final

SLOTS_PER_DECADE: Final = 20
SMALLEST_MS: Final = 0.001
LARGEST_SLOT: Final = 239  # 11 days
ENOUGH_SAMPLES: Final = 20


def slot_of(duration_ms: float) -> int:
    if duration_ms <= SMALLEST_MS:
        return 0
    return min(int(SLOTS_PER_DECADE * log10(duration_ms / SMALLEST_MS)), LARGEST_SLOT)


def lower_ms(slot: float) -> float:
    """The duration at which a slot begins."""
    return SMALLEST_MS * 10.0 ** (slot / SLOTS_PER_DECADE)


def percentile_ms(counts: Mapping[int, int], share: float, enough: int = ENOUGH_SAMPLES) -> float | None:
    """The duration that `share` (0..1) of the samples do not exceed; None with fewer samples than `enough`."""
    total = sum(counts.values())
    if total < enough:
        return None
    rank = max(ceil(share * total), 1)
    below = 0
    for slot in sorted(counts):
        if below + counts[slot] >= rank:
            return lower_ms(slot + (rank - below - 0.5) / counts[slot])
        below += counts[slot]
    raise AssertionError("a rank lies within the counts")
