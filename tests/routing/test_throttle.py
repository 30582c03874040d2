"""The formula of adaptive throttling, and its window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.resilience.throttle import Throttle, probability


@pytest.mark.parametrize(
    ("requests", "accepts", "expected"),
    [(100, 100, 0), (100, 50, 0), (100, 25, 50 / 101), (100, 0, 100 / 101), (9, 0, 0), (10, 0, 10 / 11)],
)
def test_it_follows_the_formula(requests, accepts, expected):
    assert probability(requests, accepts) == pytest.approx(expected)


@given(st.integers(0, 10**6), st.floats(0, 1))
def test_it_is_a_probability_and_zero_while_half_is_accepted(requests, share):
    accepts = int(requests * share)
    found = probability(requests, accepts)
    assert 0 <= found < 1
    assert found == 0 or 2 * accepts < requests


def test_what_is_older_than_two_minutes_is_forgotten():
    throttle = Throttle()
    for _ in range(50):
        throttle.refused(1000)
    assert throttle.kept_back(1100) > 0.9
    assert throttle.kept_back(1125) == 0
