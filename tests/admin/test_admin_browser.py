"""What a browser makes of the admin: no error, nothing wider than the screen, a key that can be copied and used."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, sync_playwright

from tests.admin import rows

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def addresses(transactional_db: None) -> list[str]:
    """The lists and the forms of everything, with a row in each."""
    found = [reverse("admin:index")]
    for model, make in rows.ROWS.items():
        name, row = f"admin:{model._meta.app_label}_{model._meta.model_name}", make()
        found += [reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[row.pk])]
    return found


@pytest.fixture
def session(transactional_db: None) -> str:
    client = Client()
    client.force_login(User.objects.create_superuser("ana"))
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture
def page(chromium: Path, live_server: Any, addresses: list[str], session: str) -> Iterator[Page]:
    """A signed-in page; what went wrong on it must be nothing."""
    problems: list[str] = []
    url = live_server.url
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=FLAGS)
        opened = browser.new_context(base_url=url, viewport={"width": 1280, "height": 800})
        opened.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url}])
        tab = opened.new_page()
        tab.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on("request", lambda sent: None if sent.url.startswith(url) else problems.append(f"left: {sent.url}"))
        yield tab
        browser.close()
    assert problems == []


def test_no_page_is_wider_than_the_screen(page: Page, addresses: list[str]) -> None:
    wide = []
    for address in addresses:
        page.goto(address)
        if page.evaluate(WIDER) > 0:
            wide.append(address)
    assert wide == []


def test_a_new_key_is_copied_with_one_click(page: Page) -> None:
    page.goto(reverse("admin:tenants_tenant_changelist"))
    page.locator("#result_list tbody a").first.click()
    page.get_by_role("link", name="New client key").click()
    page.locator("[name=name]").fill("browser")
    page.locator("#submit-row").get_by_role("button", name="Save").click()
    page.locator("#content button").first.click()
    page.get_by_text("Copied", exact=True).wait_for()
    shown = page.locator("#client-key").input_value()
    assert shown.startswith("nr-") and shown in page.locator("#client-curl").input_value()
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_text("not in the last 30 days").wait_for()
    assert shown not in page.content()
