"""Which span of time do the words of an address mean?"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dashboard.ranges import PRESETS, Usual, period_of

NOW = datetime(2026, 11, 21, 14, 3, 20, tzinfo=UTC)
EDGES = {  # by whichever clock the page has
    "the first": "2026-12-01T00:00:00",
    "the last": "2026-11-30T23:59:59",
    "of a year": "2026-12-31T23:59:30",
    "of another": "2027-01-01T00:00:01",
    "of a leap day": "2028-02-29T23:59:59",
    "before noon": "2026-11-21T11:59:59",
}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_covers_the_running_minute_and_draws_few_points(name):
    period = period_of({"range": name}, NOW)
    assert timedelta(0) <= period.end - period.start - PRESETS[name] < timedelta(minutes=15)  # widened to whole sums
    assert period.end > NOW
    assert len(period.buckets) == len(period.labels) == len(period.buckets_before) <= 74
    assert period.buckets[0].start == period.start
    assert period.buckets[-1].end == period.end
    assert period.before.end == period.start


def test_buckets_that_the_range_cuts_or_that_still_run_are_named():
    assert period_of({"range": "24h"}, NOW).partial == (0, 24)
    assert period_of({"range": "15m"}, NOW).partial == (14,)
    assert period_of({"range": "24h"}, NOW.replace(minute=59)).partial == (23,), "the hour's last minute still runs"
    over = {"from": "2026-11-20T08:00", "to": "2026-11-20T09:00"}
    assert period_of(over, NOW).partial == ()
    assert period_of(over | {"from": "2026-11-19T07:30"}, NOW).partial == (0,)


def test_statement_16_days_begin_at_midnight_of_the_zone():
    period = period_of({"range": "30d", "tz": "Asia/Kolkata"}, NOW)
    assert {b.start.strftime("%H:%M") for b in period.buckets[1:]} == {"18:30"}
    assert period.labels[-1] == "21 Nov"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/Los_Angeles", "Pacific/Kiritimati"])
@pytest.mark.parametrize("clock", EDGES.values(), ids=EDGES)
def test_a_month_is_that_of_the_running_second_by_the_clock_of_the_page(clock, zone):
    """Not that of the end of its minute, which a month's last one has in common with the next."""
    now = datetime.fromisoformat(clock).replace(tzinfo=ZoneInfo(zone))
    this, last = (period_of({"range": name, "tz": zone}, now) for name in ("month", "last-month"))
    first = now.replace(day=1, hour=0, minute=0, second=0)
    assert (this.start, last.end) == (first, first)
    assert this.end > now and this.buckets and this.labels
    assert last.start == (first - timedelta(days=1)).replace(day=1)


def test_a_custom_range_is_read_in_its_zone():
    words = {"range": "custom", "from": "2026-11-20T00:00", "to": "2026-11-21T00:00", "tz": "Asia/Kolkata"}
    period = period_of(words, NOW)
    assert period.start == datetime(2026, 11, 19, 18, 30, tzinfo=UTC)
    assert period.offset == "UTC+05:30"
    assert not period.problem


def test_instants_without_a_range_are_a_custom_one_and_a_range_beside_them_wins():
    instants = {"from": "2026-11-18T00:00", "to": "2026-11-19T00:00"}
    assert period_of(instants, NOW, Usual("7d")) == period_of({"range": "custom", **instants}, NOW)
    assert period_of({"from": "2026-11-18T00:00"}, NOW).name == "custom"
    assert period_of({"range": "7d", **instants}, NOW) == period_of({"range": "7d"}, NOW)
    assert period_of({}, NOW, Usual("7d")).name == "7d"


@pytest.mark.parametrize(
    "words",
    [
        {"range": "2 weeks"},
        {"from": "soon"},
        {"to": "2026-11-19T00:00"},
        {"range": "custom"},
        {"range": "custom", "from": "soon"},
        {"range": "custom", "from": "2026-11-20T00:00", "to": "2026-11-19T00:00"},
        {"range": "custom", "from": "0001-01-01T00:00+14:00"},
        {"tz": "Mars/Olympus"},
        {"tz": "../../etc/passwd"},
    ],
)
def test_words_that_cannot_be_read_show_the_last_day_and_say_so(words):
    period = period_of(words, NOW)
    assert period.problem
    assert period.end - period.start == timedelta(hours=24)


def test_a_range_without_end_is_cut():
    period = period_of({"range": "custom", "from": "1990-01-01T00:00"}, NOW)
    assert period.problem
    assert len(period.buckets) <= 74
