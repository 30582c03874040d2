"""What a browser makes of the admin: no error, nothing wider than the screen, a key that can be copied and used."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.urls import reverse
from playwright.sync_api import Page

from tests.browsers import Chromium
from tests.dashboard.statements.test_statements_small import PHONE, judged

DESK = {"width": 1280, "height": 800}
UNFOLD_TABS = """document.querySelectorAll("[x-show*=activeTab]:not([hx-get]), [x-show*=activeFieldsetTab]")
    .forEach(one => one.style.removeProperty("display"))"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def page(chromium: Chromium, live_server: Any, addresses: list[str], session: str) -> Iterator[Page]:
    """A signed-in page; what went wrong on it must be nothing."""
    problems: list[str] = []
    url = live_server.url
    with chromium.context(base_url=url, viewport=DESK) as opened:
        opened.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url}])
        tab = opened.new_page()
        tab.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on("request", lambda sent: None if sent.url.startswith(url) else problems.append(f"left: {sent.url}"))
        yield tab
    assert problems == []


def test_statement_34_a_new_key_is_copied_with_one_click(page: Page) -> None:
    page.goto(reverse("admin:tenants_tenant_changelist"))
    page.locator("#result_list tbody a").first.click()
    page.get_by_role("link", name="Last requests").click()
    page.get_by_text("No request of the last 24 hours").wait_for()  # fetched when its tab is opened
    page.reload()
    page.get_by_text("No request of the last 24 hours").wait_for()  # the address says which tab
    page.get_by_role("link", name="New client key").click()
    page.locator("[name=name]").fill("browser")
    page.locator("#submit-row").get_by_role("button", name="Save").click()
    page.locator("#content button").first.click()
    page.get_by_text("Copied", exact=True).wait_for()
    shown = page.locator("#client-key").input_value()
    assert shown.startswith("nr-") and shown in page.locator("#client-curl").input_value()
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_text("Nobody used it in the last hour.").wait_for()
    assert shown not in page.content()


def save(tab: Page) -> None:
    tab.locator("#submit-row").get_by_role("button", name="Save", exact=True).click()


def test_statement_35_disabling_asks_on_a_page_and_names_the_effect(page: Page, addresses: list[str]) -> None:
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(reverse("admin:providers_deployment_changelist"))
    page.locator("#result_list tbody input[type=checkbox]").first.check()
    page.locator("select[name=action]").select_option("disable")
    page.get_by_role("button", name="Run").first.click()
    page.get_by_text("Nobody used it in the last hour").wait_for()
    page.get_by_role("button", name="Disable").click()
    page.get_by_text("1 disabled").wait_for()
    assert dialogs == []


def test_pitfall_09_the_second_tab_is_told_and_keeps_what_was_typed(page: Page, addresses: list[str]) -> None:
    where = next(a for a in addresses if "/deployment/" in a and a.endswith("/change/"))
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(where)
    other = page.context.new_page()
    other.goto(where)
    other.locator("[name=upstream_model]").fill("theirs")
    save(other)
    other.get_by_text("was changed successfully").wait_for()
    page.locator("[name=upstream_model]").fill("mine")
    save(page)
    page.get_by_text("ana changed this").wait_for()
    assert page.locator("[name=upstream_model]").input_value() == "mine"
    save(page)
    page.get_by_text("was changed successfully").wait_for()


def test_statements_29_and_31_every_page_fits_each_screen_under_its_policy(page: Page, addresses: list[str]) -> None:
    """Violations of the policy are errors of the console, which the page's fixture lets none of pass."""
    wrong = {}
    for address in addresses:
        answer = page.goto(address)
        assert page.evaluate(WIDER) <= 0, address
        policy = answer.headers.get("content-security-policy", "") if answer else ""
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, address
        page.set_viewport_size(PHONE)
        page.evaluate(UNFOLD_TABS)
        if problems := judged(page):
            wrong[address] = problems
        page.set_viewport_size(DESK)
    assert not wrong, "\n".join(f"{address}: {one}" for address, all_ in wrong.items() for one in all_)
    page.keyboard.press("Control+k")
    page.goto("/dashboard/")
    assert "unsafe" not in page.evaluate("fetch('/dashboard/').then(r => r.headers.get('content-security-policy'))")
