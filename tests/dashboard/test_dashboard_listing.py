"""The list of requests: which come first, which tasks and tags they have, and what their callers said of them."""

import random
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import UUID

import pytest

from feedback.models import Rating
from tenants.models import Tenant
from tests.dashboard.downloads import rows_of
from tests.dashboard.test_dashboard_pages import text_of
from tests.dashboard.traffic import outcome, ship
from usage.ranges import TimeRange
from usage.selectors import RequestFilter, page, tops
from usage.selectors.requests import MOST_TOPS

pytestmark = pytest.mark.django_db
LIST = "/dashboard/requests/"


def listed(client, **words: str) -> list[str]:
    return re.findall(r'class="open" href="/dashboard/requests/req_([0-9a-f]{32})/"', body(client, **words))


def body(client, **words: str) -> str:
    return client.get(LIST, words).content.decode()


@pytest.mark.parametrize(("sort", "figure"), [("-cost", "cost_nano_usd"), ("-total", "total_ms"), ("-ttft", "ttft_ms")])
def test_the_greatest_of_a_range_come_first(staff_client, traffic, sort, figure):
    found = listed(staff_client, sort=sort)
    known = [told for told in traffic if getattr(told, figure) is not None]
    ranked = sorted(known, key=lambda told: (getattr(told, figure), told.id), reverse=True)
    assert found == [told.id for told in ranked[:MOST_TOPS]]
    page = body(staff_client, sort=sort)
    assert f"of all {len(traffic)} requests in this range that fit." in page
    assert 'aria-sort="descending"><a class="sort" href="/dashboard/requests/">' in page, "a second click is by time"
    rows = rows_of(staff_client, "requests/request_list", sort=sort)[1:]
    assert [row[1] for row in rows] == [f"req_{one}" for one in found], "the file has the same order"


def test_the_greatest_are_among_what_the_filters_leave(staff_client, traffic):
    fitting = [told for told in traffic if told.model == "sandbox-mini" and told.status == "answered"]
    found = listed(staff_client, sort="-ttft", model="sandbox-mini", status="answered")
    assert found == [told.id for told in sorted(fitting, key=lambda told: (-told.ttft_ms, told.id))]


def test_the_oldest_first_page_by_page_misses_none(staff_client, traffic):
    assert 'aria-sort="descending"><a class="sort" href="/dashboard/requests/?sort=time">Time' in body(staff_client)
    seen, address = [], f"{LIST}?sort=time"
    while address:
        shown = staff_client.get(address).content.decode()
        seen += re.findall(r'class="open" href="/dashboard/requests/req_([0-9a-f]{32})/"', shown)
        newer = re.search(r'href="([^"]*)">Newer requests', shown)
        address = newer and unescape(newer[1])
    assert seen == sorted(told.id for told in traffic)


def test_a_task_is_a_filter_that_no_sum_knows(staff_client, traffic):
    own = [told.id for told in traffic if told.category == "coding"]
    assert listed(staff_client, task="coding") == sorted(own, reverse=True)[:50]
    assert "Counted whatever their task" in text_of(staff_client.get(LIST, {"task": "coding"}))
    assert "task: coding (not used on this page)" in text_of(staff_client.get("/dashboard/cost/", {"task": "coding"}))


@pytest.mark.parametrize("chosen", [{"task": "coding"}, {"status": "failover"}, {"status": "answered"}])
def test_how_many_fit_a_filter_that_no_sum_knows_is_counted_up_to_a_thousand(
    staff_client, traffic, monkeypatch, chosen
):
    def own(told):
        return (
            told.category == "coding"
            if "task" in chosen
            else (told.failovers > 0 if chosen["status"] == "failover" else told.status == "answered")
        )

    many = sum(map(own, traffic))
    assert f"Newest first; {many:,} in this range fit." in text_of(staff_client.get(LIST, chosen))
    assert "in this range fit" not in text_of(staff_client.get(LIST)), "the chart above says it"
    monkeypatch.setattr("usage.selectors.requests.MOST_COUNTED", 60)
    monkeypatch.setattr("dashboard.listorder.MOST_COUNTED", 60)
    assert ("more than 60 in this range fit." in text_of(staff_client.get(LIST, chosen))) == (many > 60)


def test_the_file_says_what_a_request_was_for_and_why_it_went_there(staff_client, tagged):
    head, *rows = rows_of(staff_client, "requests/request_list")
    said = [dict(zip(head, row, strict=True)) for row in rows]
    assert [one["Request"].removeprefix("req_") for one in said if one["Tags"] == "app, nightly"] == tagged
    assert all(one["Why"].startswith("best score") and {"Task", "Session"} <= one.keys() for one in said)


@pytest.fixture
def tagged(tmp_path) -> list[str]:
    """60 requests, a minute apart; every tenth carries the tag `nightly`. Their ids, the newest first."""
    rng, now = random.Random(2), datetime.now(UTC)
    told = [
        outcome(now - timedelta(minutes=2 + n), rng, tags=["app", "nightly"] if n % 10 == 0 else ["app"])
        for n in range(60)
    ]
    ship(told, tmp_path / "spool")
    return [one.id for one in told if "nightly" in one.tags]


def test_a_tag_is_looked_for_in_the_newest_and_its_page_says_how_far(staff_client, tagged):
    assert listed(staff_client, tag="nightly") == tagged
    assert "the tag was looked for in 60 requests" in body(staff_client, tag="nightly")
    assert listed(staff_client, tag="nightly", sort="-cost") and listed(staff_client, tag="night") == []


def test_what_a_tag_is_not_found_in_at_once_is_gone_on_with(tagged):
    now = datetime.now(UTC)
    span, chosen, cursor, pages = (
        TimeRange.around(now - timedelta(days=1), now, now),
        RequestFilter(tag="nightly"),
        None,
        [],
    )
    while not pages or cursor:
        found = page(span, chosen, cursor, limit=2, window=25)
        pages.append([one.id for one in found.rows])
        cursor = found.cursor
    assert [one for each in pages for one in each] == tagged
    assert tops(span, chosen, "total", window=25).looked == 25


def test_what_callers_said_and_what_was_cached_stands_in_the_list(staff_client, tmp_path):
    tenant, rng = Tenant.objects.create(pk=2, name="team-a"), random.Random(2)
    same = {"tenant_id": 2, "tenant": "team-a", "key_id": 2}
    now = datetime.now(UTC)
    told = [outcome(now - timedelta(minutes=n), rng, cached_tokens=640 + n, **same) for n in (1, 2, 3)]
    ship(told, tmp_path / "spool")
    for one, score in zip(told, (1, -1, None), strict=True):
        if score is not None:
            said = {"tenant": tenant, "key_id": 2, "score": score, "created_at": now}
            Rating.objects.create(request_id=UUID(one.id), **said)
    shown = text_of(staff_client.get(LIST))
    assert "▲ good" in shown and "▼ bad" in shown and "641 cached" in shown
    head, *rows = rows_of(staff_client, "requests/request_list")
    assert [row[head.index("Rating")] for row in rows] == ["1.000", "-1.000", ""]
