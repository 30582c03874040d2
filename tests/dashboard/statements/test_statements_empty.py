"""Does each of the five empty states say its own, and offer an action that works?"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.pages import NAVIGATION, PAGES
from tenants.models import Tenant
from tests.dashboard.test_dashboard_pages import text_of
from tests.dashboard.traffic import day, ship
from tests.people import browser_of, staff

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)


def link(page: str, text: str) -> str:
    return unescape(re.search(rf'href="([^"]+)"[^>]*>{re.escape(text)}', page)[1])


def test_statement_39_first_use_leads_to_a_first_request(staff_client):
    answer = staff_client.get("/dashboard/cost/")
    assert "No request has come yet." in text_of(answer)
    start = link(answer.content.decode(), "Send the first request")
    assert start == "/dashboard/start/" and 'id="send"' in staff_client.get(start).content.decode()


def test_home_begins_with_the_way_to_a_first_request_until_one_came(staff_client, tmp_path):
    def first(**words: str) -> tuple[str, str]:
        page = staff_client.get("/dashboard/", words).content.decode().split('<div class="panels">')[1]
        return re.search(r'<section class="panel[^>]*>(.*?)</section>', page, re.S)[0], page

    card, page = first()
    assert "Can it answer me?" in card and "No request has come yet." in card
    assert len(re.findall('class="button', card)) == 1
    assert 'id="send"' in staff_client.get(link(card, "Send the first request")).content.decode()
    assert page.count("No request has come yet.") == page.count("Send the first request") == 1
    assert "Can it answer me?" not in first(tenant="nobody-of-this-name")[1]
    ship(day(NOW - timedelta(days=12), 5, hours=1), tmp_path / "then")
    card, page = first(range="1h")
    assert card.endswith("hidden></section>") and "Can it answer me?" not in page


@pytest.mark.parametrize(
    ("ago", "words", "verb"),
    [
        (timedelta(hours=4), {"range": "15m"}, "Show 6h"),
        (timedelta(days=12), {"range": "24h"}, "Show 30d"),
        (timedelta(days=200), {"range": "90d"}, "Show them"),
        (timedelta(hours=30), {"range": "custom", "from": "2026-01-01T00:00Z", "to": "2026-01-02T00:00Z"}, "Show 7d"),
    ],
)
@pytest.mark.parametrize("page", ["cost", "requests", "latency"])
def test_statement_39_nothing_in_range_leads_to_the_nearest_range_with_requests(
    staff_client, tmp_path, ago, words, verb, page
):
    ship(day(NOW - ago, 30, hours=0.2), tmp_path / "then")
    answer = staff_client.get(f"/dashboard/{page}/", words)
    assert "No requests in this range. The nearest came at" in text_of(answer)
    wider = staff_client.get(link(answer.content.decode(), verb))
    assert "No requests in this range" not in text_of(wider)
    assert "sandbox-mini" in text_of(wider) or page == "latency"


def test_statement_39_what_filters_took_away_comes_back_filter_by_filter(staff_client, traffic):
    words = {"range": "7d", "provider": "sandbox-openai", "model": "nobody-has-this"}
    answer = staff_client.get("/dashboard/cost/", words)
    assert "Nothing matches these filters." in text_of(answer)
    panel = answer.content.decode().split('id="panel-cost_over_time"')[1]
    assert link(panel, "provider: sandbox-openai") == "/dashboard/cost/?range=7d&model=nobody-has-this"
    found = staff_client.get(link(panel, "model: nobody-has-this"))
    assert "sandbox-mini" in text_of(found) and "Nothing matches" not in text_of(found)
    assert "sandbox-mini" in text_of(staff_client.get(link(panel, "Remove the filters")))


def test_statement_39_who_may_not_look_hears_who_can_let_them(client):
    staff("olga", "owner")
    answer = browser_of(staff("new", "operator")).get("/dashboard/")
    assert answer.status_code == 403
    assert "An owner can make you a member of one" in text_of(answer) and "Owners here: olga." in text_of(answer)
    assert "Sign in as somebody else" in text_of(answer)


def test_statement_39_a_panel_that_failed_says_what_when_and_under_which_id(staff_client, traffic, monkeypatch):
    def broken(*_: object) -> None:
        raise DatabaseError("secret detail")

    with monkeypatch.context() as away:
        away.setattr("dashboard.panels.cost_groups.CostGroupsPanel.data", broken)
        answer = staff_client.get("/dashboard/cost/", {"range": "7d"})
    said = text_of(answer)
    assert re.search(r"The database did not answer \(DatabaseError\)\. Tried at \d\d:\d\d:\d\d; the log", said)
    assert answer["x-request-id"] in said and "secret detail" not in said
    again = staff_client.get(link(answer.content.decode(), "Try again"))
    assert "could not be drawn" not in text_of(again) and "range=7d" in again.request["QUERY_STRING"]


STATES = {  # how each of the five begins
    "first use": "No request has come yet.",
    "nothing in range": "No requests in this range.",
    "filtered": "Nothing matches these filters.",
    "not allowed": "This is about all tenants together",
    "failed": "This panel could not be drawn.",
}
SHOWING = ("home", "requests", "cost", "savings", "latency", "reliability", "usage")  # requests of a range


def only(text: str, state: str) -> None:
    """It says this of the five, and none of the others."""
    assert [name for name, words in STATES.items() if words in text] == [state]


def works(browser: Client, answer: HttpResponse, verb: str) -> HttpResponse:
    """What each offer of this name on a page leads to; every one must stand."""
    offers = {
        unescape(found) for found in re.findall(rf'href="([^"]+)"[^>]*>{re.escape(verb)}', answer.content.decode())
    }
    assert offers, verb
    led = [browser.get(offer) for offer in sorted(offers)]
    assert all(one.status_code == 200 for one in led), offers
    return led[0]


@pytest.mark.parametrize("page", SHOWING)
def test_statement_39_each_page_has_its_states_each_with_its_words_and_a_way_on(staff_client, tmp_path, page):
    where = f"/dashboard/{page if page != 'home' else ''}{'/' if page != 'home' else ''}"
    fresh = staff_client.get(where)
    only(text_of(fresh), "first use")
    assert 'id="send"' in works(staff_client, fresh, "Send the first request").content.decode()
    ship(day(NOW - timedelta(hours=30), 30, hours=0.2), tmp_path / "then")
    late = staff_client.get(where, {"range": "1h"})
    only(text_of(late), "nothing in range")
    assert STATES["nothing in range"] not in text_of(works(staff_client, late, "Show 7d"))
    shut = staff_client.get(where, {"range": "7d", "tenant": "nobody-of-this-name"})
    only(text_of(shut), "filtered")
    assert "nobody-of-this-name" not in works(staff_client, shut, "Remove the filters").request["QUERY_STRING"]


class Gone:
    """A database that lost the tables of the records, and answers all else."""

    def __call__(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if '"usage_' in sql:
            raise OperationalError("no such table: secret detail")
        return execute(sql, *rest)


@pytest.mark.parametrize("page", [one for one in PAGES.values() if one.listed], ids=lambda page: page.name)
def test_statement_39_without_its_records_a_page_stands_and_its_panels_say_so(staff_client, traffic, page):
    """Whichever table a panel asks; the page asks again by its own link."""
    asks = any('"usage_' in one for one in statements(staff_client, f"/dashboard/{page.path}"))
    with connection.execute_wrapper(Gone()):
        answer = staff_client.get(f"/dashboard/{page.path}")
    said = text_of(answer)
    assert answer.status_code == 200 and page.title in said and "secret detail" not in said
    assert ("could not be drawn" in said) == asks, page.name
    if asks:
        assert "The database did not answer (OperationalError)." in said and answer["x-request-id"] in said
        assert "could not be drawn" not in text_of(works(staff_client, answer, "Try again"))


def statements(browser: Client, address: str) -> list[str]:
    with CaptureQueriesContext(connection) as asked:
        browser.get(address)
    return [one["sql"] for one in asked]


def test_statement_39_who_may_not_look_can_sign_in_as_somebody_else():
    member = browser_of(staff("mia", "viewer", tenants=(Tenant.objects.create(name="team-a"),)))
    answer = member.get("/dashboard/invoices/")
    assert answer.status_code == 403
    only(text_of(answer), "not allowed")
    where = unescape(re.search(r'<form method="post" action="([^"]+)">.*?Sign in as', answer.content.decode())[1])
    member.post(where)
    assert "/admin/login/" in member.get("/dashboard/").url


@pytest.mark.parametrize("page", NAVIGATION, ids=lambda page: page.name)
def test_an_empty_page_asks_no_more_than_others(staff_client, page, tmp_path, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        staff_client.get(f"/dashboard/{page.path}")
    ship(day(NOW - timedelta(days=3), 5, hours=1), tmp_path / "then")
    with django_assert_max_num_queries(12):
        staff_client.get(f"/dashboard/{page.path}", {"range": "1h"})


def test_a_filter_that_a_page_cannot_use_says_so(staff_client, traffic):
    assert "key: 1 (not used on this page)" in text_of(staff_client.get("/dashboard/latency/", {"key": "1"}))
    assert "key: 1 (not used" not in text_of(staff_client.get("/dashboard/cost/", {"key": "1"}))
