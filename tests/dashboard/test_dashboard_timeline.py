"""Nobody takes the bounds of a cell of the state timeline for those of what was seen in it."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from dashboard.ranges import RANGES, period_of
from dashboard.timeline import slices
from tests.dashboard.downloads import rows_of
from tests.dashboard.test_dashboard_pages import text_of
from usage import states

pytestmark = pytest.mark.django_db
PAGE = "/dashboard/reliability/"
MINI = "sandbox-openai/sandbox-mini"
DAY_AND_TIME = r"\d+ [A-Z][a-z]{2} \d\d:\d\d"


@pytest.fixture
def seen(traffic) -> datetime:
    """A minute of an hour and a half ago in which a circuit was open, and nobody looked before it."""
    at = (datetime.now(UTC) - timedelta(minutes=90)).replace(second=0, microsecond=0)
    began = int(at.timestamp())
    states.record([(began, MINI, "open"), *((began + 60 * later, "", "watched") for later in range(80))])
    return at


def test_a_minute_within_a_cell_is_told_as_one_and_each_time_with_its_date(staff_client, seen):
    page = staff_client.get(PAGE, {"range": "24h"})
    told = re.findall(rf"circuit open in 1 minute between ({DAY_AND_TIME}) and ({DAY_AND_TIME})", text_of(page))
    assert len(told) == 1
    low, high = (datetime.strptime(f"{seen.year} {one}", "%Y %d %b %H:%M").replace(tzinfo=UTC) for one in told[0])
    assert low <= seen < high and high - low == timedelta(minutes=24)
    title = rf'title="[^"]*{told[0][0]} to {told[0][1]}: circuit open in 1 of 24 minutes[;"]'
    assert re.search(title, page.content.decode())


def test_its_file_says_between_which_instants_so_many_minutes_lay(staff_client, seen):
    head, row = rows_of(staff_client, "reliability/state_timeline", range="24h")
    assert head == ["Deployment", "State", "Minutes in it", "Not before", "Not after"]
    assert row[:3] == [MINI, "circuit open", "1"]
    assert datetime.fromisoformat(row[3]) <= seen < datetime.fromisoformat(row[4])


@pytest.mark.parametrize("words", RANGES)
def test_cells_make_up_the_range_as_many_as_it_has_minutes_and_sixty_at_most(words):
    now = datetime(2026, 11, 21, 14, 3, 20, tzinfo=UTC)
    for clock, number in ((now, 60), (now.replace(day=1, hour=0), 4), (now.replace(day=1, hour=0, minute=0), 1)):
        period = period_of({"range": words}, clock)
        parts = slices(period)
        assert (parts[0].start, parts[-1].end) == (period.start, period.end)
        assert all(one.end == following.start for one, following in zip(parts, parts[1:], strict=False))
        assert all(one.start < one.end for one in parts)
        assert len(parts) == (number if words == "month" else 15 if words == "15m" else 60)
