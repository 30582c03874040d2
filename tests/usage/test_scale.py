"""A percentile from slots is near the one from the samples."""

import random
from collections import Counter

import pytest

from usage import scale


@pytest.mark.parametrize("spread", [0.05, 0.5, 2.0])
@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_percentiles_are_right_to_six_per_cent(spread: float, share: float) -> None:
    rng = random.Random(1)
    samples = sorted(rng.lognormvariate(5, spread) for _ in range(20_000))

    found = scale.percentile_ms(Counter(map(scale.slot_of, samples)), share)

    assert found == pytest.approx(samples[int(share * len(samples)) - 1], rel=0.06)


def test_a_slot_holds_what_it_says() -> None:
    for duration_ms in (0.002, 0.31, 1, 842.5, 59_999, 600_000):
        slot = scale.slot_of(duration_ms)
        assert scale.lower_ms(slot) <= duration_ms * (1 + 1e-9)
        assert duration_ms < scale.lower_ms(slot + 1) * (1 + 1e-9)


def test_the_ends_of_the_scale_hold_everything() -> None:
    assert scale.slot_of(0) == scale.slot_of(-1) == 0
    assert scale.slot_of(1e30) == scale.LARGEST_SLOT


def test_nineteen_samples_are_too_few() -> None:
    assert scale.percentile_ms({40: 19}, 0.5) is None
    assert scale.percentile_ms({}, 0.5) is None
    assert scale.percentile_ms({40: 20}, 0.5) is not None
