"""How is a request opened from a list, and closed again?"""

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.browsing import looking

LIST = "/dashboard/requests/?range=24h"
SMALL = {"viewport": {"width": 1280, "height": 700}}


def opened(page: Page) -> str:
    """Scroll down a list, open a row by its key, and return the address of its request."""
    page.goto(LIST)
    row = page.locator("main tr.row a.open").nth(20)
    row.focus()
    page.evaluate("window.stayed = true")
    address = row.evaluate("one => one.href")
    page.keyboard.press("Enter")
    page.wait_for_url(address)
    expect(page.locator("#drawer").get_by_role("heading", name="What happened?")).to_be_visible()
    return address


@pytest.mark.parametrize("way", ["back", "Escape", "Close"])
def test_statement_03_closing_a_request_returns_to_its_row(chromium, live_server, signed_in, traffic, way):
    with looking(chromium, live_server.url, signed_in, **SMALL) as (page, problems):
        page.goto(LIST)
        page.locator("main tr.row a.open").nth(20).focus()
        before = page.evaluate("scrollY")
        assert before > 200
        address = opened(page)
        if way == "back":
            page.go_back()
        elif way == "Escape":
            page.keyboard.press("Escape")
        else:
            page.get_by_role("button", name="Close").click()
        page.wait_for_url(f"**{LIST}")
        expect(page.locator("#drawer")).not_to_be_visible()
        assert page.evaluate("[window.stayed, scrollY, document.activeElement.href]") == [True, before, address]
        page.go_forward()
        page.wait_for_url(address)
        expect(page.locator("#drawer").get_by_role("heading", name="What happened?")).to_be_visible()
        assert problems == []


def test_statement_03_after_a_change_of_range_too(chromium, live_server, signed_in, traffic):
    with looking(chromium, live_server.url, signed_in, **SMALL) as (page, problems):
        page.goto(LIST)
        page.get_by_label("7d", exact=True).check()
        page.wait_for_url("**range=7d")
        row = page.locator("main tr.row a.open").nth(20)
        address = row.evaluate("one => one.href")
        row.click()
        page.wait_for_url(address)
        page.go_back()
        page.wait_for_url("**range=7d")
        assert page.evaluate("document.activeElement.href") == address
        assert problems == []


def test_statement_02_a_reload_shows_the_request_as_a_page_and_back_the_list(chromium, live_server, signed_in, traffic):
    with looking(chromium, live_server.url, signed_in, **SMALL) as (page, problems):
        address = opened(page)
        page.reload()
        assert page.url == address
        expect(page.locator("main").get_by_role("heading", name="What happened?")).to_be_visible()
        expect(page.locator("#drawer")).not_to_be_visible()
        page.go_back()
        page.wait_for_url(f"**{LIST}")
        expect(page.locator("main tr.row").first).to_be_visible()
        assert problems == []


def test_statement_08_a_click_with_ctrl_opens_a_page_with_its_own_title(chromium, live_server, signed_in, traffic):
    with looking(chromium, live_server.url, signed_in, **SMALL) as (page, _):
        page.goto(LIST)
        row = page.locator("main tr.row a.open").nth(3)
        address = row.evaluate("one => one.href")
        with page.context.expect_page() as tab:
            row.click(modifiers=["ControlOrMeta"])
        tab.value.wait_for_url(address)
        assert tab.value.title().startswith("Request req_") or tab.value.title().startswith("Request 0")
        expect(tab.value.locator("main").get_by_role("heading", name="What happened?")).to_be_visible()
        assert page.url.endswith(LIST)
        expect(page.locator("#drawer")).not_to_be_visible()


def test_statement_01_a_click_on_a_bar_leads_to_its_requests(chromium, live_server, signed_in, traffic):
    with looking(chromium, live_server.url, signed_in, **SMALL) as (page, problems):
        page.goto("/dashboard/cost/?range=24h&group=provider")
        canvas = page.locator("canvas").first
        spot = canvas.evaluate(
            """one => {
            const chart = Chart.getChart(one), values = chart.data.datasets[0].data;
            const at = values.indexOf(Math.max(...values)), bar = chart.getDatasetMeta(0).data[at];
            return {x: bar.x, y: (bar.y + bar.base) / 2, label: chart.data.datasets[0].label};
            }"""
        )
        canvas.click(position={"x": spot["x"], "y": spot["y"]})
        page.wait_for_url("**/dashboard/requests/?range=custom&**")
        assert f"provider={spot['label']}" in page.url
        expect(page.locator("main tr.row").first).to_be_visible()
        assert problems == []
