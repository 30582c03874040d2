"""Do links lead where they say? From a number to its requests, from page to page, from one reader to another."""

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from tests.dashboard.downloads import rows_of
from tests.dashboard.traffic import outcome, ship
from usage.outcomes import Outcome

pytestmark = pytest.mark.django_db
CELL = re.compile(r'<td class="n"><a href="(/dashboard/requests/[^"]+)">([^<]+)</a></td>')


def cells_of(browser: Client, panel: str, **words: str) -> Iterator[tuple[str, str]]:
    """The links in the table behind a chart, with what their cells say."""
    shown = browser.get(f"/dashboard/{panel}/", words).content.decode()
    for address, text in CELL.findall(shown):
        yield unescape(address), text


@pytest.mark.parametrize("group", ["model", "provider", "deployment", "policy"])
@pytest.mark.parametrize("span", ["24h", "7d"])
def test_statement_01_each_bar_of_cost_leads_to_requests_that_cost_as_much(staff_client, traffic, group, span):
    bars = list(cells_of(staff_client, "cost", range=span, group=group, tz="Asia/Kolkata"))
    costs = rows_of(staff_client, "cost/cost_over_time", range=span, group=group, tz="Asia/Kolkata")
    drawn = sorted(cell for row in costs[1:] for cell in row[1:-1] if cell and float(cell))
    listed = []
    for address, _ in bars:
        words = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert words["range"] == "custom" and words["tz"] == "Asia/Kolkata"
        head, *rows = rows_of(staff_client, "requests/request_list", **words)
        cost = head.index("Cost, USD")
        listed.append(sum(round(float(row[cost] or 0) * 1e9) for row in rows))
    assert sorted(listed) == sorted(round(float(cell) * 1e9) for cell in drawn)
    assert len(listed) > 3


def test_statement_01_each_bar_of_traffic_leads_to_as_many_requests(staff_client, traffic):
    bars = list(cells_of(staff_client, "requests", range="24h"))
    assert sum(int(text) for _, text in bars) == len(traffic)
    for address, text in bars[:12]:
        words = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert len(rows_of(staff_client, "requests/request_list", **words)) - 1 == int(text), address


def test_statement_01_a_panel_that_counts_requests_names_the_range_and_the_filters(
    staff_client: Client, traffic: list[Outcome]
):
    words = {"range": "7d", "provider": "sandbox-openai", "policy": "balanced", "key": "1"}
    shown = unescape(staff_client.get("/dashboard/cost/", words).content.decode())
    links = re.findall(r'href="(/dashboard/requests/\?[^"]+)" title="The requests behind these numbers"', shown)
    assert len(links) == 3  # the bars, what moved most, the groups
    for link in links:
        assert {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()} == words


def test_statement_04_from_page_to_page_range_tenant_model_and_key_stay(staff_client, traffic):
    words = "range=7d&model=sandbox-mini&policy=balanced&key=1"
    for page in ("requests", "cost", "latency"):
        shown = unescape(staff_client.get(f"/dashboard/{page}/?{words}").content.decode())
        for other in ("requests", "cost", "latency", "savings"):
            assert f'href="/dashboard/{other}/?{words}"' in shown


def test_the_tile_of_errors_leads_to_as_many_requests(staff_client, traffic):
    shown = unescape(staff_client.get("/dashboard/", {"range": "24h"}).content.decode())
    (address,) = {link for link in re.findall(r'href="(/dashboard/requests/\?[^"]*status=errors[^"]*)"', shown)}
    words = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    failed = [one for one in traffic if one.status in ("failed", "interrupted")]
    assert len(rows_of(staff_client, "requests/request_list", **words)) - 1 == len(failed) > 0


def test_a_session_leads_to_its_requests_and_stays_when_another_filter_is_chosen(staff_client, tmp_path):
    now, rng = datetime.now(UTC), random.Random(7)
    told = [outcome(now - timedelta(minutes=n), rng, session=f"chat-{n % 3}") for n in range(1, 10)]
    ship(told, tmp_path)
    page = unescape(staff_client.get(f"/dashboard/requests/req_{told[0].id}/").content.decode())
    (address,) = re.findall(r'href="(/dashboard/requests/\?[^"]*session=chat-1[^"]*)"', page)
    listed = staff_client.get(address).content.decode()
    assert {one.id for one in told if f"/dashboard/requests/req_{one.id}" in listed} == {
        one.id for one in told if one.session == "chat-1"
    }
    assert '<input type="hidden" name="session" value="chat-1">' in listed
    assert "Counted whatever their session." in listed
    assert "not used on this page" in staff_client.get("/dashboard/cost/?session=chat-1").content.decode()
