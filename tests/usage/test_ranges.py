"""A range is cut so that its sums are exact and cheap."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from usage import ids
from usage.ranges import TimeRange, cover
from usage.rollups import DAY, GRAINS, HOUR, MINUTE, QUARTER

NOW = datetime(2026, 11, 20, 12, 34, 56, 789, tzinfo=UTC)


def test_a_recent_range_is_widened_to_whole_minutes() -> None:
    period = TimeRange.around(NOW - timedelta(minutes=15), NOW, NOW)

    assert period == TimeRange(datetime(2026, 11, 20, 12, 19, tzinfo=UTC), datetime(2026, 11, 20, 12, 35, tzinfo=UTC))


def test_an_old_edge_is_widened_to_a_quarter_of_an_hour() -> None:
    period = TimeRange.around(NOW - timedelta(days=7), NOW, NOW)

    assert period == TimeRange(datetime(2026, 11, 13, 12, 30, tzinfo=UTC), datetime(2026, 11, 20, 12, 35, tzinfo=UTC))


def test_what_is_aligned_stays() -> None:
    whole = TimeRange(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 20, 12, tzinfo=UTC))

    assert TimeRange.around(whole.start, whole.end, NOW) == whole


def test_spans_make_up_the_range_without_gap_or_overlap() -> None:
    rng = random.Random(3)
    for _ in range(300):
        low = rng.randrange(20_000 * DAY, 20_100 * DAY, MINUTE)
        high = low + rng.randrange(0, 40 * DAY, MINUTE)
        spans = list(cover(low, high))
        assert all(span.low % span.grain == span.high % span.grain == 0 for span in spans)
        assert [span.high for span in spans[:-1]] == [span.low for span in spans[1:]]
        assert (spans[0].low, spans[-1].high) == (low, high) if spans else low == high
        assert len(spans) <= 7


def test_whole_days_are_read_as_days() -> None:
    assert [span.grain for span in cover(10 * DAY, 40 * DAY)] == [DAY]
    assert [span.grain for span in cover(10 * DAY + 19 * HOUR + 2 * QUARTER, 12 * DAY)] == [QUARTER, HOUR, DAY]
    assert {span.grain for span in cover(10 * DAY + MINUTE, 12 * DAY - MINUTE)} == set(GRAINS) - {DAY}


def test_days_begin_at_midnight_where_the_reader_is() -> None:
    period = TimeRange(datetime(2026, 11, 13, tzinfo=UTC), datetime(2026, 11, 16, tzinfo=UTC))
    buckets = period.buckets(timedelta(days=1), ZoneInfo("Asia/Kolkata"))

    assert [f"{bucket.start:%d %H:%M}" for bucket in buckets] == ["13 00:00", "13 18:30", "14 18:30", "15 18:30"]
    assert buckets[-1].end == period.end


@pytest.mark.parametrize(("day", "hours"), [(25, 25), (29, 23)])  # October 2026, March 2026
def test_a_day_may_be_longer_or_shorter(day: int, hours: int) -> None:
    berlin, month = ZoneInfo("Europe/Berlin"), 10 if day == 25 else 3
    start = datetime(2026, month, day, tzinfo=berlin)
    period = TimeRange(start.astimezone(UTC), (start + timedelta(days=1)).astimezone(UTC))

    assert len(period.buckets(timedelta(days=1), berlin)) == 1
    assert len(period.buckets(timedelta(hours=1), berlin)) == hours


@pytest.mark.parametrize("step", [timedelta(minutes=5), timedelta(hours=6), timedelta(days=1), timedelta(days=7)])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/St_Johns"])
def test_buckets_make_up_the_range(step: timedelta, zone: str) -> None:
    period = TimeRange.around(NOW - step * 9, NOW, NOW)
    buckets = period.buckets(step, ZoneInfo(zone))

    assert (buckets[0].start, buckets[-1].end) == (period.start, period.end)
    assert all(one.end == following.start for one, following in pairwise(buckets))
    assert all(
        edge % QUARTER == 0 for bucket in buckets[1:] for edge in bucket.seconds[:1] if step > timedelta(hours=1)
    )
    assert 9 <= len(buckets) <= 12


def test_an_attempts_id_is_its_own_and_near_its_requests() -> None:
    request = "01a1fbae96aa7679b2b7c07bfcb6ffff"
    made = [ids.attempt_id(request, index) for index in range(50)]
    low, high = ids.attempt_bounds(ids.parse(request) or ids.first_id(0))

    assert len({request, *made}) == 51
    assert all(low.hex <= one <= high.hex for one in made)
    assert {ids.instant_ms(one) for one in made} == {ids.instant_ms(request)}
