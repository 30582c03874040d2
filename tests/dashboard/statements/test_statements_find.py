"""Is a pasted id of a request all that one needs, wherever one is? Statement 6."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from playwright.sync_api import Page, expect

from dashboard.pages import NAVIGATION
from tenants.models import Tenant
from tests.dashboard.browsing import looking
from tests.dashboard.traffic import TENANTS, outcome, ship
from tests.people import browser_of, session_of, staff
from usage import spool
from usage.journal import Journal
from usage.outcomes import Outcome

MOST_MS = 300
MOST_ROUNDS = 4  # over all pages, where a machine has other things to do
WORDS = "?range=15m&tenant=team-a&model=nobody-has-this&status=failed&tz=Asia/Kolkata"  # nothing of them fits
TOOK = "performance.getEntriesByType('navigation')[0].responseEnd"  # from the key press, with the way that it was sent


@pytest.fixture
def old(traffic: list[Outcome], tmp_path: Path) -> Outcome:
    """A request of 200 days ago, of a tenant that the filter shuts out."""
    told = outcome(datetime.now(UTC) - timedelta(days=200), random.Random(3), tenant="demo", tenant_id=1)
    ship([told], tmp_path / "long-ago")
    return told


@pytest.fixture
def fresh(db: None, own_var: Path) -> Iterator[Outcome]:
    """A request that lies in the journal still, on no list of the database."""
    told = outcome(datetime.now(UTC), random.Random(4))
    journal = Journal(own_var / spool.NAME, "test")
    journal.write(told)
    yield told
    journal.close()


def pasted(page: Page, text: str) -> float:
    """Paste it into the box and press Enter; the time until the whole answer was there, ms."""
    box = page.locator("#find")
    box.focus()
    page.keyboard.insert_text(text)
    page.keyboard.press("Enter")
    page.wait_for_url("**/dashboard/requests/req_*/")
    expect(page.locator("main").get_by_role("heading", name="What happened?")).to_be_visible()
    return float(page.evaluate(TOOK))


def test_statement_06_from_every_page_whatever_its_filters_in_300_ms(
    chromium, live_server, signed_in, traffic, old, fresh
):
    took: list[float] = []
    with looking(chromium, live_server.url, signed_in) as (page, problems):
        for number, shown in enumerate(NAVIGATION * MOST_ROUNDS):
            if number >= len(NAVIGATION) and max(quickest(took)) <= MOST_MS:
                break
            told = (traffic[0], old, fresh)[number % 3]
            page.goto(f"/dashboard/{shown.path}{WORDS}")
            took.append(pasted(page, (f"req_{told.id}", told.id, f"  req_{told.id}\n")[number % 3]))
            assert page.url.endswith(f"/dashboard/requests/req_{told.id}/"), shown.name
        assert problems == []
    assert max(quickest(took)) <= MOST_MS, took


def quickest(took: list[float]) -> list[float]:
    """The best of each kind: what runs beside this test only adds."""
    return [min(took[kind::3]) for kind in range(3)]


def test_statement_06_without_javascript_too(chromium, live_server, signed_in, old):
    with looking(chromium, live_server.url, signed_in, java_script_enabled=False) as (page, _):
        page.goto(f"/dashboard/cost/{WORDS}")
        page.locator("#find").fill(f"req_{old.id}")
        page.locator("#find").press("Enter")
        page.wait_for_url(f"**/dashboard/requests/req_{old.id}/")
        expect(page.get_by_role("heading", name="What happened?")).to_be_visible()


def test_statement_06_only_if_permitted(chromium, live_server, transactional_db, traffic, old):
    """To a member of another tenant it is as unknown as an id that nobody has."""
    teams = [Tenant.objects.create(pk=pk, name=name) for pk, name, _, _ in TENANTS]
    mia = session_of(staff("mia", "viewer", tenants=(teams[1],)))
    own = next(one for one in traffic if one.tenant == "team-a")
    with looking(chromium, live_server.url, mia) as (page, _):
        page.goto("/dashboard/")
        pasted(page, f"req_{own.id}")
        said = []
        for hidden in (old.id, "0" * 12 + "7" + "0" * 3 + "8" + "0" * 15):
            page.goto("/dashboard/")
            page.locator("#find").fill(f"req_{hidden}")
            page.locator("#find").press("Enter")
            expect(page.get_by_role("heading", name="Not found")).to_be_visible()
            said.append(page.locator("main").inner_text().replace(hidden, "ID"))
        assert said[0] == said[1] and old.asked_model not in said[0]


@pytest.mark.django_db
def test_statement_06_no_question_to_the_database_is_about_a_range(staff_client: Client, old: Outcome) -> None:
    """It is found by its id, so that ten million records more change nothing: as many questions, each by an index."""
    with CaptureQueriesContext(
        connection,
    ) as asked:
        found = staff_client.get("/dashboard/find/", {"q": f"req_{old.id}"}, follow=True)
    assert found.status_code == 200 and len(asked) <= 2 * 12
    about = [one["sql"] for one in asked if '"usage_' in one["sql"] and old.id in one["sql"].replace("-", "")]
    assert about
    for sql in about:
        plan = " ".join(str(row) for row in explained(sql))
        assert "SCAN" not in plan.upper().replace("INDEX SCAN", "").replace("BITMAP HEAP SCAN", ""), (sql, plan)


def explained(sql: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(("EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN ") + sql)
        return list(cursor.fetchall())


@pytest.mark.django_db
def test_statement_06_who_belongs_to_no_tenant_hears_so(traffic: list[Outcome]) -> None:
    answer = browser_of(staff("new", "viewer")).get(f"/dashboard/requests/req_{traffic[0].id}/")
    assert answer.status_code in (403, 404) and traffic[0].why not in answer.content.decode()
