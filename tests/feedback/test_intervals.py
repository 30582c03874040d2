"""Wilson's interval, against figures that others have published and against its own definition."""

from math import sqrt

import pytest

from feedback.intervals import Z_95, wilson


@pytest.mark.parametrize(("yes", "n"), [(0, 10), (1, 10), (8, 10), (10, 10), (81, 263), (1, 1)])
def test_each_end_is_where_the_mean_is_just_not_refused(yes, n):
    found = wilson(yes / n, n)
    for end in {found.low, found.high} - {0.0, 1.0}:
        assert abs(yes / n - end) == pytest.approx(Z_95 * sqrt(end * (1 - end) / n), abs=1e-6)
    assert 0 <= found.low <= found.mean <= found.high <= 1


def test_a_published_example():
    found = wilson(81 / 263, 263)  # Newcombe (1998), Statistics in Medicine 17, 857-872, table I
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)


@pytest.mark.parametrize(("mean", "n"), [(0.5, 0), (1.1, 3), (-0.1, 3)])
def test_without_a_value_there_is_no_interval(mean, n):
    with pytest.raises(ValueError, match="at least one value"):
        wilson(mean, n)
