"""What a browser makes of the dashboard: charts, swaps without a reload, no breach of the content security policy."""

from playwright.sync_api import expect

from dashboard.pages import NAVIGATION
from tests.dashboard.browsing import looking


def test_statement_31_every_page_draws_its_charts_under_its_policy(chromium, live_server, signed_in, traffic):
    with looking(chromium, live_server.url, signed_in, viewport={"width": 1280, "height": 800}) as (page, problems):
        for shown in NAVIGATION:
            answer = page.goto(f"/dashboard/{shown.path}")
            assert "script-src 'self'" in answer.headers["content-security-policy"]
            canvases = page.locator("canvas[data-chart]")
            drawn = canvases.evaluate_all("all => all.filter(one => Chart.getChart(one)).length")
            assert drawn == canvases.count()
            assert page.locator(".failed").count() == 0
        assert problems == []


def test_a_range_is_swapped_in_and_the_address_says_so(chromium, live_server, signed_in, traffic):
    with looking(chromium, live_server.url, signed_in) as (page, problems):
        page.goto("/dashboard/cost/?group=tenant")
        page.evaluate("window.stayed = true")
        page.get_by_label("7d", exact=True).check()
        page.wait_for_url("**/dashboard/cost/?range=7d&group=tenant")
        assert page.evaluate("window.stayed")
        assert "range=7d" in page.locator("#nav a", has_text="Latency").get_attribute("href")
        assert page.locator("canvas").evaluate("one => Boolean(Chart.getChart(one))")
        page.go_back()
        page.wait_for_url("**/dashboard/cost/?group=tenant")
        expect(page.locator("#range-24h")).to_be_checked()
        assert problems == []


def test_the_browsers_own_zone_is_offered(chromium, live_server, signed_in):
    with looking(chromium, live_server.url, signed_in, timezone_id="America/New_York") as (page, _):
        page.goto("/dashboard/")
        page.get_by_role("button", name="Local", exact=True).click()
        page.wait_for_url("**tz=America%2FNew_York")
        page.get_by_text("UTC-05:00").first.wait_for()


def test_statement_29_nothing_but_tables_scrolls_sideways_on_a_small_screen(chromium, live_server, signed_in, traffic):
    with looking(chromium, live_server.url, signed_in, viewport={"width": 320, "height": 640}) as (page, _):
        wide = []
        for path in ("/", *(f"/dashboard/{shown.path}" for shown in NAVIGATION)):
            page.goto(path)
            if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                wide.append(path)
        assert wide == []


def test_statement_05_without_javascript_the_numbers_and_the_filters_are_there(
    chromium, live_server, signed_in, traffic
):
    with looking(chromium, live_server.url, signed_in, java_script_enabled=False) as (page, _):
        page.goto("/dashboard/cost/")
        page.get_by_label("30d").check()
        page.get_by_role("button", name="Apply").click()
        assert "range=30d" in page.url
        assert page.get_by_role("table").last.get_by_text("sandbox-mini").is_visible()
        page.get_by_text("Table", exact=True).first.click()
        assert page.get_by_role("columnheader", name="sandbox-mini").first.is_visible()
