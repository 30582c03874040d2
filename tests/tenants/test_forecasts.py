"""Is a forecast right where the future is known?"""

import random

import pytest

from tenants.forecasts import forecast, since_it_began


def test_a_steady_spend_is_forecast_exactly():
    found = forecast([3_000_000_000] * 14)
    assert [found.lasts(30_000_000_000, side) for side in (0, 1, -1)] == [10.0, 10.0, 10.0]
    assert found.spend(4, 1) == found.spend(4, -1) == 12_000_000_000


def test_the_interval_holds_the_truth_eight_times_in_ten():
    rng, inside, runs = random.Random(20), 0, 2000
    for _ in range(runs):
        found = forecast([round(rng.gauss(100, 25)) for _ in range(14)])
        left, days = 1000.0, 0
        while left > 0:
            left -= rng.gauss(100, 25)
            days += 1
        inside += found.lasts(1000, 1) <= days <= found.lasts(1000, -1) + 1  # the day in which it ended
    assert 0.75 <= inside / runs <= 0.95


def test_the_ends_of_the_interval_are_where_its_curves_reach_what_is_left():
    found = forecast([80, 120, 60, 140, 100])
    early, late = found.lasts(900, 1), found.lasts(900, -1)
    assert early < found.lasts(900) == 9.0 < late
    assert found.spend(early, 1) == pytest.approx(900) == found.spend(late, -1)


def test_a_spend_that_differs_too_much_has_no_latest_end():
    found = forecast([0, 0, 0, 0, 500])
    assert found.lasts(900, -1) is None
    assert 0 < found.lasts(900, 1) < found.lasts(900)
    assert found.spend(9, -1) == 0 < found.spend(9) == 900


def test_nothing_spent_lasts_without_an_end_and_nothing_left_not_at_all():
    assert forecast([0, 0, 0]).lasts(5) is None
    assert forecast([0, 0, 0]).lasts(5, 1) is None
    assert forecast([1, 2, 3]).lasts(0) == forecast([1, 2, 3]).lasts(0, 1) == 0.0


def test_too_few_steps_tell_nothing():
    assert forecast([]) is forecast([5, 5]) is None


def test_the_time_before_the_first_spend_does_not_count():
    assert since_it_began([0, 0, 4, 9, 9]) == [9, 9]
    assert since_it_began([4, 0, 9]) == [4, 0, 9]
    assert since_it_began([0, 0]) == [0, 0]
