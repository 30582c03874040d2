"""From the start to a first answer, as somebody does it who has just heard of this: statements 36 to 38."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.halves import BROWSER_FLAGS
from tests.run.installation import Installation

PASSWORD = "a heron on one leg"
INTERPRETERS = {"curl": ["bash", "-c"], "python": [sys.executable, "-c"], "anthropic": [sys.executable, "-c"],
                "langchain": [sys.executable, "-c"]}  # fmt: skip


@pytest.fixture(scope="module")
def page(chromium: Path) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=BROWSER_FLAGS)
        yield browser.new_page(viewport={"width": 1280, "height": 900})
        browser.close()


@pytest.fixture(scope="module")
def begun(page: Page, running: Installation) -> str:
    """Signed in by the link that the start has printed; the text of the start page before anything was sent."""
    page.goto(re.search(r"Begin here: (\S+)", running.said)[1])
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password confirmation").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/dashboard/start/")
    return page.locator("#main").inner_text()


def test_statement_36_three_clicks_lead_from_the_start_to_a_decision(begun: str, page: Page) -> None:
    """The link, "Sign in", and this one; no file is edited."""
    assert "Who can be asked?" in begun and "Waiting for a first request." in begun
    page.get_by_role("button", name="Send the first request").click()
    page.locator("#decision").get_by_text("candidates eligible").wait_for()
    assert "Paris" in page.locator("#outcome").inner_text()
    page.locator("#decision").get_by_role("link", name="The whole decision").click()
    page.wait_for_url("**/dashboard/requests/req_*/")
    expect(page.locator("#drawer-body table").first).to_be_visible()


def test_statement_37_it_waits_for_a_first_request_and_never_after_one(
    begun: str, page: Page, running: Installation
) -> None:
    page.goto(f"{running.url}/dashboard/start/")
    page.get_by_text("Requests arrive.").wait_for()
    assert "Waiting" not in page.locator("#main").inner_text()
    page.goto(f"{running.url}/dashboard/cost/")
    assert page.locator("h1").inner_text() == "Cost"


def test_the_link_works_once(begun: str, page: Page, running: Installation) -> None:
    link = re.search(r"Begin here: (\S+)", running.said)[1]
    stranger = page.context.browser.new_page()
    stranger.goto(link)
    assert "has been used" in stranger.locator("h1").inner_text()
    assert stranger.locator("input[type=password]").count() == 0
    stranger.goto(f"{running.url}/dashboard/")
    assert "/admin/login/" in stranger.url
    stranger.close()


@pytest.mark.parametrize("name", INTERPRETERS)
def test_statement_38_an_example_of_the_page_answers_as_it_is_printed(
    begun: str, page: Page, running: Installation, name: str
) -> None:
    page.goto(f"{running.url}/dashboard/start/")
    code = page.locator(f"pre#{name}").text_content()
    key = {"NEUROROUTE_API_KEY": running.first_run["NEUROROUTE_API_KEY"]}
    done = subprocess.run(
        [*INTERPRETERS[name], code], env=os.environ | key, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Sandbox text" in done.stdout, done.stdout
