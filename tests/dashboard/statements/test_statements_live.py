"""What does a live page do while figures change, while nothing changes, and while the database is away?"""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import OperationalError, connection
from playwright.sync_api import Page, expect

from dashboard import refresh
from tests.dashboard.browsing import looking
from tests.dashboard.traffic import day, outcome, ship
from tests.people import browser_of, staff
from usage.outcomes import Outcome

LIVE = "/dashboard/?range=1h&live=10s"
WIDE = {"viewport": {"width": 1280, "height": 800}}
CHANGES = """new PerformanceObserver((list) => {
    for (const one of list.getEntries()) window.shifted = (window.shifted ?? 0) + one.value;
}).observe({ type: "layout-shift" });"""


def arrive(outcomes: list[Outcome], directory: Path) -> None:
    """Ship while a browser is open: its loop runs in this thread, where Django refuses to ask the database."""
    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(ship, outcomes, directory).result()
        elsewhere.submit(lambda: connection.close()).result()


@contextmanager
def polled(page: Page, path: str) -> Iterator[Callable[[], None]]:
    """A live page whose clock is ours; the function lets ten seconds pass and waits for the answer."""
    page.clock.install()
    page.goto(path)
    expect(page.locator("#page[data-parts]")).to_be_visible()

    def ten_seconds() -> None:
        with page.expect_response("**/dashboard/parts/**"):
            page.clock.run_for(10_500)
        expect(page.locator("#fresh")).not_to_have_attribute("aria-busy", "true")  # until the script has placed it

    yield ten_seconds


def test_the_way_to_a_first_request_leaves_once_one_came(chromium, live_server, signed_in, tmp_path):
    with looking(chromium, live_server.url, signed_in, **WIDE) as (page, problems), polled(page, LIVE) as ten_seconds:
        expect(page.locator(".panel:visible").first).to_contain_text("Can it answer me?")
        arrive([outcome(datetime.now(UTC), random.Random(9))], tmp_path / "one")
        ten_seconds()
        expect(page.locator("#panel-start")).to_be_hidden()
        expect(page.locator(".panel:visible").first).to_contain_text("What needs me?")
        assert problems == []


def test_statement_25_figures_change_in_place(chromium, live_server, signed_in, traffic, tmp_path):
    with looking(chromium, live_server.url, signed_in, **WIDE) as (page, problems), polled(page, LIVE) as ten_seconds:
        page.evaluate(CHANGES)
        page.evaluate("window.canvases = [...document.querySelectorAll('canvas')]")
        page.locator("#panel-traffic summary").first.click()
        page.locator(".tile").first.focus()
        page.wait_for_timeout(600)  # what follows a click at once counts as the reader's own shift
        page.evaluate("window.shifted = 0")
        count = int(page.locator(".tile .value").first.text_content().replace(",", ""))
        arrive([outcome(datetime.now(UTC), random.Random(9))], tmp_path / "one")
        ten_seconds()
        expect(page.locator(".tile .value").first).to_have_text(str(count + 1))
        same = (
            "window.canvases.every((one, at) => one === document.querySelectorAll('canvas')[at] && Chart.getChart(one))"
        )
        assert page.evaluate(same)
        drawn = "Chart.getChart(window.canvases[0]).data.datasets.flatMap((each) => each.data).reduce((a, b) => a + b)"
        assert page.evaluate(drawn) == count + 1
        assert page.evaluate("document.activeElement === document.querySelector('.tile')")
        expect(page.locator("#panel-traffic table").first).to_be_visible()
        assert page.evaluate("window.shifted") == 0
        assert problems == []


def test_statement_25_a_hidden_tab_asks_nothing(chromium, live_server, signed_in, traffic):
    with looking(chromium, live_server.url, signed_in, **WIDE) as (page, _), polled(page, LIVE) as ten_seconds:
        ten_seconds()
        asked = []
        page.on("request", lambda sent: asked.append(sent.url) if "/parts/" in sent.url else None)
        page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
        page.clock.run_for(60_000)
        assert asked == []
        page.evaluate("Object.defineProperty(document, 'hidden', { value: false, configurable: true })")
        with page.expect_response("**/dashboard/parts/**"):
            page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_statement_26_figures_stay_while_the_database_is_away_and_come_back(
    chromium, live_server, signed_in, traffic, monkeypatch
):
    with looking(chromium, live_server.url, signed_in, **WIDE) as (page, _), polled(page, LIVE) as ten_seconds:
        ten_seconds()
        line, value = page.locator("#fresh"), page.locator(".tile .value").first
        then, figure = line.locator("time").text_content(), value.text_content()

        def away(*_: object, **__: object) -> None:
            raise OperationalError("the database is away")

        with monkeypatch.context() as broken:
            broken.setattr(refresh, "scope_for", away)
            ten_seconds()
            expect(line).to_have_text(f"data from {then}, retrying")
            assert value.text_content() == figure
            ten_seconds()
            expect(line).to_have_text(f"data from {then}, retrying")
        with page.expect_response("**/dashboard/parts/**"):
            page.clock.run_for(21_000)
        expect(line).to_contain_text("as of")
        assert "retrying" not in line.text_content()


def test_statement_26_a_panel_that_fails_keeps_its_figures(chromium, live_server, signed_in, traffic, monkeypatch):
    with looking(chromium, live_server.url, signed_in, **WIDE) as (page, _), polled(page, LIVE) as ten_seconds:
        ten_seconds()
        monkeypatch.setattr("dashboard.panels.tiles.TilesPanel.data", lambda *_: 1 / 0)
        ten_seconds()
        expect(page.locator("#fresh")).to_contain_text("retrying")
        expect(page.locator(".tile")).not_to_have_count(0)
        expect(page.locator(".failed")).to_have_count(0)


def test_a_list_that_is_read_does_not_move(chromium, live_server, signed_in, traffic, tmp_path):
    path = "/dashboard/requests/?range=1h&live=10s"
    with looking(chromium, live_server.url, signed_in, **WIDE) as (page, _), polled(page, path) as ten_seconds:
        first = page.locator("main tr.row a.open").first
        first.focus()
        address = first.get_attribute("href")
        arrive(day(datetime.now(UTC), 3, hours=0.001, seed=4), tmp_path / "three")
        ten_seconds()
        button = page.get_by_role("button", name="3 new requests")
        expect(button).to_be_visible()
        assert first.get_attribute("href") == address
        button.click()
        expect(first).not_to_have_attribute("href", address)


def test_live_is_a_word_of_the_address_and_a_button(chromium, live_server, signed_in, traffic):
    with looking(chromium, live_server.url, signed_in, **WIDE) as (page, problems):
        page.goto("/dashboard/cost/?range=1h")
        page.keyboard.press(".")
        page.wait_for_url("**/dashboard/cost/?range=1h&live=10s")
        expect(page.get_by_role("link", name="Pause")).to_be_visible()
        assert "live=10s" in page.locator("#nav > a", has_text="Latency").get_attribute("href")
        page.keyboard.press(".")
        page.wait_for_url("**/dashboard/cost/?range=1h")
        assert problems == []


@pytest.mark.django_db
def test_what_reads_as_before_is_not_sent_again(staff_client, tmp_path):
    ship(day(datetime.now(UTC), 20, hours=20), tmp_path / "few")
    words = {"range": "custom", "from": "2026-01-01T00:00Z", "to": "2026-01-02T00:00Z"}
    first = staff_client.get("/dashboard/parts/cost/", words)
    again = staff_client.get("/dashboard/parts/cost/", words, headers={"If-None-Match": first["ETag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    other = staff_client.get("/dashboard/parts/cost/", {"range": "30d"}, headers={"If-None-Match": first["ETag"]})
    assert other.status_code == 200 and 'id="panel-cost_over_time"' in other.content.decode()
    assert "<html" not in other.content.decode()


@pytest.mark.django_db
def test_parts_keep_to_what_who_asks_may_see(client, traffic, tmp_path: Path):
    assert client.get("/dashboard/parts/home/").status_code == 302
    assert browser_of(staff("new", "viewer")).get("/dashboard/parts/home/").status_code == 403
    assert browser_of(staff("ana", "every tenant")).get("/dashboard/parts/nowhere/").status_code == 404
