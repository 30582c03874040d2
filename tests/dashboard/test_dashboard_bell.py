"""The bell of every page follows the check: without a query of its own, in place, and spoken."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from msgspec.structs import replace

from dashboard.board import change
from providers.attention import Notice
from tests.dashboard.browsing import looking
from tests.people import session_of

pytestmark = pytest.mark.usefixtures("own_var")


def test_the_bell_follows_the_check_without_a_query_of_its_own(staff_client, db, django_assert_num_queries):
    change(lambda found: replace(found, checked_at=datetime.now(UTC)))
    parts, live = "/dashboard/parts/cost/", "/dashboard/live/now/"
    asked = {}
    for address in (parts, live):
        with CaptureQueriesContext(connection) as before:
            asked[address] = staff_client.get(address)
            many = len(before)
        assert "Findings: none" in asked[address].content.decode()
        assert staff_client.get(address, headers={"If-None-Match": asked[address]["ETag"]}).status_code == 304
        change(lambda found: replace(found, notices=(Notice("slow", "", "/", about="s"),)))
        with django_assert_num_queries(many):
            again = staff_client.get(address, headers={"If-None-Match": asked[address]["ETag"]})
        assert again.status_code == 200 and "1 finding to look at" in again.content.decode()
        change(lambda found: replace(found, notices=()))


def test_the_bell_is_refreshed_in_place_and_spoken(chromium, live_server, transactional_db):  # noqa: F811
    change(lambda found: replace(found, checked_at=datetime.now(UTC)))
    session = session_of(User.objects.create_superuser("olga"))
    with looking(chromium, live_server.url, session) as (page, problems):
        page.goto("/dashboard/cost/?live=10s")
        bell = page.locator("#bell a")
        bell.focus()
        assert "Findings: none" in bell.inner_text()
        elsewhere(lambda: change(lambda found: replace(found, notices=(Notice("slow", "", "/", about="s"),))))
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as who comes back to the tab
        page.get_by_title("1 finding needs somebody").wait_for()
        page.wait_for_function("document.getElementById('said').textContent === '1 finding to look at'")
        assert bell.evaluate("one => one === document.activeElement") and problems == []


def elsewhere(act: Callable[[], object]) -> None:
    """In another thread: a browser's loop runs in this one, where Django refuses to ask the database."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(act).result()
        pool.submit(lambda: connection.close()).result()
