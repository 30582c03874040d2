"""The factor of a model: what was reported over what was estimated, whatever single usages say."""

import random

import pytest

from profiling.calibration import ENOUGH, LARGEST, SMALLEST, calibration
from usage.selectors.prompts import PromptPair


def pairs(count: int, ratio: float, spread: float = 0.1, seed: int = 1) -> list[PromptPair]:
    """Prompts of 10 to 20,000 tokens, reported at `ratio` of the estimate, give or take `spread`."""
    rng = random.Random(seed)
    sizes = [int(10 ** rng.uniform(1, 4.3)) for _ in range(count)]
    return [PromptPair(size, max(round(size * ratio * rng.uniform(1 - spread, 1 + spread)), 1)) for size in sizes]


@pytest.mark.parametrize("ratio", [0.4, 0.8, 1.0, 1.6, 3.5])
def test_the_sum_of_calibrated_estimates_is_what_was_reported(ratio):
    seen = pairs(200, ratio)
    found = calibration(seen)
    calibrated = found.factor * sum(pair.estimated for pair in seen)
    assert calibrated == pytest.approx(sum(pair.reported for pair in seen), rel=0.05)
    assert 0 < found.typical_error < 0.1


def test_too_few_pairs_say_nothing():
    assert calibration(pairs(ENOUGH - 1, 1.6)) is None
    assert calibration(pairs(ENOUGH, 1.6)) is not None


@pytest.mark.parametrize("absurd", [PromptPair(100, 90_000_000), PromptPair(2_000_000, 1), PromptPair(5, 90_000_000)])
@pytest.mark.parametrize("count", [ENOUGH, 200])
def test_an_absurd_usage_does_not_decide(absurd, count):
    sound = calibration(pairs(count, 1.6)).factor
    assert calibration([*pairs(count, 1.6), absurd]).factor == pytest.approx(sound, rel=0.05)


def test_a_giant_prompt_that_might_be_true_moves_the_factor_a_little_only():
    giant = PromptPair(5_000_000, int(5_000_000 * 1.6 * 2.4))
    assert calibration([*pairs(100, 1.6), giant]).factor == pytest.approx(1.6, rel=0.12)


def test_many_short_prompts_with_a_template_do_not_spoil_the_long_ones():
    """A vendor adds 20 tokens to each prompt: little to a long one, all to a short one; tokens are what is paid for."""
    short = [PromptPair(8, 28)] * 150
    long = pairs(50, 1.1, spread=0.02)
    assert calibration([*short, *long]).factor == pytest.approx(1.1, rel=0.05)


@pytest.mark.parametrize(("ratio", "bound"), [(50, LARGEST), (0.01, SMALLEST)])
def test_factors_have_bounds(ratio, bound):
    assert calibration(pairs(50, ratio)).factor == bound


def test_pairs_that_agree_on_nothing_say_nothing():
    assert calibration([PromptPair(1000, 1000 * 10**step) for step in range(5)] * 4) is None


def test_a_factor_is_followed_whatever_the_order_of_the_pairs():
    seen = pairs(60, 1.3)
    assert calibration(seen) == calibration(sorted(seen, key=lambda pair: -pair.estimated))
