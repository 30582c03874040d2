"""What a browser makes of the dashboard: charts, swaps without a reload, no breach of the content security policy."""

from playwright.sync_api import expect

from dashboard.formatting import money
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
        assert "range=7d" in page.locator("#nav > a", has_text="Latency").get_attribute("href")
        assert page.locator("canvas").evaluate("one => Boolean(Chart.getChart(one))")
        page.go_back()
        page.wait_for_url("**/dashboard/cost/?group=tenant")
        expect(page.locator("#range-24h")).to_be_checked()
        assert problems == []


def test_the_axis_of_a_chart_of_money_says_an_amount_as_tables_do(chromium, live_server, signed_in, traffic):
    amounts = [0, 1, 120_000, 999_999, 1_000_000, 2_500_000, 9_990_000, 10_000_000, 12_345_600, 50_000_000, 500_000_000]
    amounts += [998_000, 1_000_000_000, 2_500_000_000, 99_990_000_000, 1_234_560_000_000, -5_000_000, -20_000_000_000]
    with looking(chromium, live_server.url, signed_in) as (page, problems):
        page.goto("/dashboard/cost/")
        scale = "Chart.getChart(document.querySelector('canvas[data-chart]')).scales.y"
        said = page.evaluate(f"all => all.map((one) => {scale}.options.ticks.callback(one))", amounts)
        assert said == [money(one) for one in amounts]
        ticks = page.evaluate(f"{scale}.ticks.map((one) => one.label)")
        assert ticks[0] == "$0.00" and len(set(ticks)) == len(ticks) > 2
        assert problems == []


def test_the_browsers_own_zone_is_offered(chromium, live_server, signed_in):
    with looking(chromium, live_server.url, signed_in, timezone_id="America/New_York") as (page, _):
        page.goto("/dashboard/")
        page.get_by_role("button", name="Local", exact=True).click()
        page.wait_for_url("**tz=America%2FNew_York")
        page.get_by_text("UTC-05:00").first.wait_for()


def test_every_page_is_in_the_menu_of_a_telephone_with_the_range_that_is_shown(chromium, live_server, signed_in):
    with looking(chromium, live_server.url, signed_in, viewport={"width": 390, "height": 844}) as (page, problems):
        page.goto("/dashboard/cost/?range=7d")
        page.locator(".menu.pages > summary", has_text="Cost").click()
        links = page.locator(".menu.pages .sheet a")
        assert links.count() == len(NAVIGATION) and links.last.is_visible()
        links.filter(has_text="Latency").click()
        page.wait_for_url("**/dashboard/latency/?range=7d")
        assert problems == []
