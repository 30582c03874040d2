"""The page of what runs now, before two web workers: its parts, its dialog, and what a browser makes of it."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from playwright.sync_api import Page, expect

from .inflight import api, eventually, listed, person, streams
from .inflight import both as both
from .inflight import sessions as sessions
from .inflight import slow as slow

WATCH_SHIFTS = """window.shifts = [];
const place = (one) => [one.node?.outerHTML?.slice(0, 200), one.previousRect.x, one.previousRect.y, one.currentRect.x];
const loaded = performance.getEntriesByType("navigation")[0].loadEventEnd;  // a busy browser draws half a page before
const since = (seen) => seen.getEntries().filter((one) => one.startTime > loaded);
new PerformanceObserver((seen) => since(seen).forEach((one) => window.shifts.push(...one.sources.map(place))))
    .observe({ type: "layout-shift", buffered: true });"""
REQUEST_ID = re.compile(r"req_[0-9a-f]{32}")
HIGHEST = """name => {
    const canvas = document.querySelector(`canvas[data-chart=${name}]`);
    return Math.max(...Chart.getChart(canvas).data.datasets[0].data);
}"""


@contextmanager
def looking(chromium, gateway, session) -> Iterator[tuple[Page, list[str], list[str]]]:
    """The page, signed in: what it has asked for, and what went wrong on it."""
    with chromium.context(base_url=gateway.url, viewport={"width": 1440, "height": 900}) as opened:
        opened.add_cookies([{"name": "sessionid", "value": session, "url": gateway.url}])
        page, asked, problems = opened.new_page(), [], []
        page.on("console", lambda said: problems.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda sent: asked.append(sent.url))
        page.goto("/dashboard/live/")
        yield page, asked, problems


def unchanged(browser, address) -> bool:
    """Whether the same is not sent twice, by whichever worker; a step of the curves may end in between."""
    etag = browser.get(address).headers["etag"]
    same = browser.get(address, headers={"if-none-match": etag})
    return (same.status_code, same.content) == (304, b"")


def showing(browser, address, ids) -> httpx.Response | None:
    """The page, once it shows these requests: a worker that is too busy to answer in time is left out."""
    page = browser.get(address)
    return page if set(re.findall(r'id="live-(req_[0-9a-f]{32})"', page.text)) == ids else None


def counted(browser, words) -> int | None:
    """How many requests the page counts with these filters; None unless it lists and draws as many."""
    text = browser.get("/dashboard/live/now/", params=words).text
    total = int(re.search(r'id="live-total"[^>]*>(\d+)<', text)[1])
    drawn = curve_of(text, "chart-live_running")[-1]
    return total if total == len(re.findall(r'<tr id="live-req_', text)) == drawn else None


def counts_beginnings(browser, words) -> bool:
    """Whether it says how many of these begin; by who is asked, nobody can."""
    text = browser.get("/dashboard/live/now/", params=words).text
    return any(number is not None for number in curve_of(text, "chart-live_rate"))


def holds(browser, ids) -> list[str] | None:
    """The lines of what is held, once they are of these requests."""
    lines = browser.get("/dashboard/panels/budgets/open_holds.csv").text.splitlines()
    return lines if {line.split(",")[2] for line in lines[1:]} == ids else None


def leading(browser, panel, ids) -> str | None:
    """The panel of what is held, once it leads to these requests."""
    text = browser.get(panel).text
    found = re.findall(r"/dashboard/live/\?tenant=team#live-(req_[0-9a-f]{32})", text)
    return text if set(found) == ids else None


def curve_of(text, element) -> list[float | None]:
    found = re.search(rf'<script id="{element}" type="application/json">(.*?)</script>', text, re.DOTALL)[1]
    return json.loads(found)["series"][0]["values"]


def test_the_parts_that_change_are_sent_only_when_they_have_changed(both, slow, sessions):
    eventually(lambda: listed(both) == [])
    address = "/dashboard/live/now/"
    with person(both, sessions, "bob") as bob, person(both, sessions, "mia") as mia:
        first = bob.get(address)
        assert first.status_code == 200 and first.headers["cache-control"] == "private, no-cache"
        assert eventually(lambda: unchanged(bob, address))
        with streams(both, slow, 3) as opened:
            ids = {answer.headers["x-request-id"] for answer, _ in opened}
            before = eventually(lambda: showing(mia, address, ids))
            after = mia.get(address, headers={"if-none-match": before.headers["etag"]})
            assert after.status_code == 200 and after.headers["etag"] != before.headers["etag"]  # more has come
            assert eventually(lambda: unchanged(bob, address))  # to who sees another tenant nothing has
            (key,) = [row["id"] for row in api(both, "GET", "/../api-keys?tenant=team&name=ci").json()["data"]]
            for words, begun in (({"key": key}, True), ({"model": "demo", "provider": "primary"}, False)):
                assert eventually(lambda words=words: counted(mia, words) == 3)
                assert counts_beginnings(mia, words) is begun
            assert counted(mia, {"deployment": "primary/demo"}) == 3
            for words in ({"key": key + 100}, {"model": "other"}, {"provider": "fallback"}, {"deployment": "demo"}):
                assert counted(mia, words) == 0, words
            assert "req_" not in bob.get("/dashboard/live/").text


def test_a_request_is_ended_from_the_page_with_a_reason_by_who_may(both, slow, sessions):
    with streams(both, slow, 1) as ((answer, lines),):
        address = f"/dashboard/live/{answer.headers['x-request-id']}/cancel/"
        for name, status in (("bob", 404), ("vera", 403), ("mia", 400)):
            with person(both, sessions, name) as browser:
                assert browser.post(address, data={"reason": "   "}).status_code == status
        with person(both, sessions, "vera") as browser:
            assert re.search(
                r"<button[^>]* disabled title=[^>]*right to cancel a running request",
                browser.get("/dashboard/live/").text,
            )
        with person(both, sessions, "mia") as browser:
            assert (
                "Reason: 1 to 500 characters, and these are 501."
                in browser.post(address, data={"reason": "x" * 501}).text
            )
            assert len(listed(both)) == 1
            assert "It is cancelled" in browser.post(address, data={"reason": "too dear"}).text
            assert browser.post(address, data={"reason": "once more"}).status_code == 404
        assert "cancelled_by_operator" in [line for line in lines if line][-1]
    log = api(both, "GET", "/../audit-log?action=cancelled&actor=mia").json()["data"]
    told = [(row["reason"], row["via"]) for row in log if row["object_name"] == answer.headers["x-request-id"]]
    assert told == [("too dear", "admin")], log


def test_in_a_browser_rows_come_and_go_while_the_canvas_and_all_else_stay(chromium, both, slow, sessions):
    with looking(chromium, both, sessions["mia"]) as (page, _, problems):
        page.evaluate(WATCH_SHIFTS)
        page.evaluate("window.canvases = [...document.querySelectorAll('canvas')]")
        expect(page.locator("#live-empty")).to_be_visible()
        with streams(both, slow, 3) as opened:
            gone = opened[0][0].headers["x-request-id"]
            expect(page.locator(f"#live-{gone} .badge")).to_contain_text("streaming")
            expect(page.locator("#live-total")).to_have_text("3")
            expect(page.locator("#live-empty")).to_be_hidden()
            row = page.locator(f"#live-{gone}")
            row.evaluate("row => { window.row = row; }")
            row.get_by_role("link", name="Cancel").click()
            page.get_by_label("Reason, for the audit log").fill("too long")
            page.get_by_role("button", name="Cancel the request").click()
            expect(page.locator("dialog#ask")).to_contain_text("It is cancelled")
            page.keyboard.press("Escape")
            expect(row.get_by_role("link", name="Record")).to_be_visible(timeout=8000)
            assert page.evaluate("window.row.isConnected")
            eventually(lambda: page.evaluate(HIGHEST, "chart-live_running") >= 2)
            assert page.evaluate(HIGHEST, "chart-live_rate") > 0
        expect(page.locator("#live-total")).to_have_text("0")
        assert page.evaluate("window.canvases.every((one) => one.isConnected && Chart.getChart(one))")
        assert page.evaluate("window.shifts") == []
        with streams(both, slow, 2):
            by_provider = page.get_by_role("combobox", name="Provider")
            by_provider.fill("fallback")
            by_provider.press("Enter")
            expect(page.get_by_text("Nothing in flight fits the filters.")).to_be_visible()
            expect(page.locator("#live-total")).to_have_text("0")
            by_deployment = page.get_by_role("combobox", name="Deployment")
            by_deployment.fill("primary/demo")
            by_deployment.press("Enter")
            page.wait_for_url("**/dashboard/live/?*deployment=primary%2Fdemo*")  # which the chip's address then has
            page.get_by_role("link", name="provider: fallback").click()
            page.wait_for_url("**/dashboard/live/?deployment=primary%2Fdemo")
            expect(page.locator("#live-total")).to_have_text("2")
            expect(page.locator("tr[id^=live-req_] .badge").filter(has_text="streaming")).to_have_count(2)
        assert problems == []


def test_a_browser_asks_nothing_while_it_is_paused_or_hidden_and_says_when_it_cannot_ask(chromium, both, sessions):
    with looking(chromium, both, sessions["mia"]) as (page, asked, _):
        said = page.locator("#live-said")
        expect(said).to_contain_text("Live")
        page.keyboard.press(".")
        expect(said).to_contain_text("Paused")
        before = len(asked)
        page.wait_for_timeout(4500)
        assert len(asked) == before
        page.get_by_role("button", name="Go on").click()
        page.wait_for_timeout(500)
        assert len(asked) > before
        page.evaluate("""Object.defineProperty(document, "hidden", { value: true, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"))""")
        before = len(asked)
        page.wait_for_timeout(4500)
        assert len(asked) == before
        page.route("**/live/now/**", lambda route: route.abort())
        page.evaluate("""delete document.hidden; document.dispatchEvent(new Event("visibilitychange"))""")
        expect(said).to_contain_text(re.compile(r"Data from \d\d:\d\d:\d\d, retrying"))
        page.unroute("**/live/now/**")
        expect(said).to_contain_text("Live")


def test_the_page_of_budgets_lists_what_is_held_for_requests_that_run(both, slow, sessions):
    eventually(lambda: listed(both) == [])
    panel = "/dashboard/panels/budgets/open_holds/"
    with person(both, sessions, "bob") as bob, person(both, sessions, "mia") as mia:
        with streams(both, slow, 3) as opened:
            ids = {answer.headers["x-request-id"] for answer, _ in opened}
            held = eventually(lambda: holds(mia, ids))
            amounts = {line.split(",")[-2] for line in held[1:]}
            assert len(amounts) == 1 and 0 < float(amounts.pop()) < 100
            page = eventually(lambda: leading(mia, panel, ids))
            assert "team: $100.00 per month" in page and "for running requests" in page
            assert not ids & set(REQUEST_ID.findall(bob.get(panel).text))
        assert eventually(lambda: not ids & set(REQUEST_ID.findall(mia.get(panel).text)))
