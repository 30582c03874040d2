"""Whether the pages stand in a real browser: nothing blocked by the content security policy, nothing missing."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browsers import Chromium
from tests.run.installation import Installation


@pytest.fixture(scope="module")
def page(chromium: Chromium) -> Iterator[Page]:
    with chromium.context(viewport={"width": 1280, "height": 900}) as opened:
        yield opened.new_page()


@pytest.fixture
def troubles(page: Page) -> Iterator[list[str]]:
    """What the console and the network complain of."""
    found: list[str] = []
    page.on("console", lambda message: message.type == "error" and found.append(message.text))
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("response", lambda answer: answer.status >= 400 and found.append(f"{answer.status} {answer.url}"))
    yield found


def test_welcome(running: Installation, page: Page, troubles: list[str]) -> None:
    page.goto(running.url)
    assert page.locator("h1").inner_text()
    assert page.get_by_text("sandbox").count()
    assert troubles == []


def test_api_docs(running: Installation, page: Page, troubles: list[str]) -> None:
    page.goto(f"{running.url}/api/docs")
    page.locator(".opblock").first.wait_for()
    assert page.get_by_text("/v1/chat/completions").count()
    assert troubles == []


def test_admin_and_dashboard_after_signing_in(running: Installation, page: Page, troubles: list[str]) -> None:
    page.goto(f"{running.url}/dashboard/")
    assert "/admin/login/" in page.url
    page.fill("input[name=username]", running.first_run["NEUROROUTE_ADMIN_USER"])
    page.fill("input[name=password]", running.first_run["NEUROROUTE_ADMIN_PASSWORD"])
    page.locator("button[type=submit]").first.click()
    page.wait_for_url(f"{running.url}/dashboard/")
    assert page.locator("h1").count()
    page.goto(f"{running.url}/admin/")
    assert page.get_by_text("Providers").count()
    assert troubles == []
