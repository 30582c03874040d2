"""Days, weeks and months begin at midnight where the tenant lives."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.periods import Period, span_of

BERLIN = "Europe/Berlin"


def at(text, zone=BERLIN):
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


@pytest.mark.parametrize(
    ("period", "now", "start", "end"),
    [
        (Period.DAY, "2026-11-28T13:00", "2026-11-28T00:00", "2026-11-29T00:00"),
        (Period.WEEK, "2026-11-28T13:00", "2026-11-23T00:00", "2026-11-30T00:00"),  # from Monday
        (Period.MONTH, "2026-12-31T23:59", "2026-12-01T00:00", "2027-01-01T00:00"),
        (Period.DAY, "2026-03-29T12:00", "2026-03-29T00:00", "2026-03-30T00:00"),  # 23 hours long
        (Period.DAY, "2026-10-25T02:30", "2026-10-25T00:00", "2026-10-26T00:00"),  # 25 hours long
    ],
)
def test_a_period_begins_and_ends_at_midnight(period, now, start, end):
    found = span_of(period, BERLIN, at(now))
    assert (found.start, found.end) == (at(start), at(end))


def test_the_time_zone_decides_which_day_it_is():
    now = datetime(2026, 11, 28, 23, 30, tzinfo=UTC).timestamp()
    assert span_of(Period.DAY, "UTC", now).end == span_of(Period.DAY, BERLIN, now).start + 3600
    assert span_of(Period.TOTAL, BERLIN, now).end is None


@given(
    st.sampled_from(list(Period)), st.sampled_from(["UTC", BERLIN, "America/St_Johns"]), st.integers(10**9, 3 * 10**9)
)
def test_periods_follow_one_another_without_a_gap(period, zone, now):
    found = span_of(period, zone, now)
    assert found.holds(now)
    if found.end is not None:
        after = span_of(period, zone, found.end)
        assert after.start == found.end and span_of(period, zone, found.end - 1) == found
