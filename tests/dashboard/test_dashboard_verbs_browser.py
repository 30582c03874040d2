"""What a browser makes of the verbs of a row: a dialog over the page, by keyboard alone; without scripts, a page."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from profiling.runner import run_due
from providers.models import Credential, Deployment, DeploymentPrice, LanguageModel, Provider
from providers.sandbox.testing import Sandbox
from tenants.budgets import Budget
from tenants.models import Tenant
from tests.dashboard.browsing import looking
from tests.looks import looked_at
from tests.people import session_of, staff

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "sk-needle-in-the-browser-wxyz"
DESK = {"viewport": {"width": 1280, "height": 800}}
T = TypeVar("T")


@pytest.fixture
def acme():
    """A provider that answers, with one deployment, and a budget."""
    with Sandbox.start("openai", process=True) as upstream:
        row = Provider.objects.create(name="acme", wire="openai", base_url=upstream.base_url, allow_private=True)
        model = LanguageModel.objects.create(name="mini", aliases=["small"])
        Deployment.objects.create(provider=row, model=model, upstream_model="sandbox-mini")
        Budget.objects.create(tenant=Tenant.objects.create(name="team-a"), limit_usd=25, period="total")
        yield row


@contextmanager
def owner(chromium, live_server, **context):
    session = session_of(staff("olga", "owner"))
    with looking(chromium, live_server.url, session, **DESK, **context) as (page, problems):
        yield page
        assert [said for said in problems if "422" not in said] == [], problems


def beside(look: Callable[[], T]) -> T:
    """In a thread of its own: the one that drives the browser has a loop, in which Django asks no database."""

    def asked() -> T:
        try:
            return look()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asked).result()


def press(page: Page, verb: str) -> None:
    """Open the dialog of a verb by its key; the address stays, and nothing is fetched anew."""
    page.evaluate("window.stayed = true")
    before = page.url
    page.get_by_role("link", name=verb, exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#ask form")).to_be_visible()
    assert page.url == before and page.evaluate("document.activeElement.closest('#ask form') !== null")


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent.replace(/\\s+/g, ' ')"))


def test_a_key_is_added_by_keyboard_and_told_where_it_is_wrong(chromium, live_server, acme):
    with owner(chromium, live_server) as page:
        page.goto("/dashboard/upstreams/")
        press(page, "Add key acme")
        page.keyboard.press("Escape")
        expect(page.locator("#ask")).to_be_hidden()
        assert focused(page) == "Add key acme"
        press(page, "Add key acme")
        page.keyboard.type("short")
        page.keyboard.press("Enter")
        expect(page.locator("#ask")).to_contain_text("fewer than 8 characters")
        expect(page.locator("#ask [name=secret]")).to_be_focused()
        assert page.locator("#ask [name=secret]").input_value() == "", "not even what was wrong is shown"
        page.keyboard.type(KEY)
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("the key default …wxyz, too, within a second")
        expect(page.locator("#ask")).to_be_hidden()
        assert focused(page) == "Add key acme" and page.evaluate("window.stayed")
        assert KEY not in page.content() and beside(Credential.objects.get).last_four == "wxyz"
        expect(page.locator("tbody").first).to_contain_text("1")


@pytest.mark.parametrize(("where", "verb"), [("upstreams", "Test acme"), ("models", "Test acme/mini")])
def test_a_test_shows_its_progress_and_its_result_in_the_dialog(chromium, live_server, acme, where, verb):
    with owner(chromium, live_server) as page:
        page.goto(f"/dashboard/{where}/")
        press(page, verb)
        page.keyboard.press("Enter")
        expect(page.locator("#ask")).to_contain_text("A worker lists the models with each key…")
        beside(run_due)
        expect(page.locator("#ask")).to_contain_text(
            re.compile(r"passed no credential in [\d.]+ m?s: \d+ models listed")
        )
        if where == "models":
            expect(page.locator("#ask")).to_contain_text("sandbox-mini is among them")
        page.locator("#ask").get_by_role("link", name="Test again").click()
        expect(page.locator("#ask form")).to_be_visible()
        page.keyboard.press("Escape")
        assert focused(page) == verb and page.evaluate("window.stayed")


def test_a_price_is_previewed_as_it_is_typed_and_an_alias_added(chromium, live_server, acme):
    with owner(chromium, live_server) as page:
        page.goto("/dashboard/models/?range=7d")
        press(page, "Price acme/mini")
        expect(page.locator("#preview")).to_contain_text("no price: cost is unknown")
        page.locator("#ask [name=input]").fill("2")
        page.locator("#ask [name=output]").fill("10")
        expect(page.locator("#preview")).to_contain_text("1,000 typical requests = $5.00")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("1,000 typical requests = $5.00")
        expect(page.locator("tbody").first).to_contain_text("2.00 · 10.00")
        assert page.url.endswith("?range=7d") and beside(DeploymentPrice.objects.count) == 1
        press(page, "Alias acme/mini")
        page.keyboard.press("Control+End")
        page.keyboard.type("\nfast")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("tbody").first).to_contain_text("also called small, fast")
        assert focused(page) == "Alias acme/mini" and page.evaluate("window.stayed")


def test_a_budget_is_raised_and_somebody_told_of_it(chromium, live_server, acme):
    with owner(chromium, live_server) as page:
        page.goto("/dashboard/budgets/")
        press(page, "Raise team-a: 25 USD in total")
        page.locator("#ask [name=limit_usd]").fill("20")
        page.get_by_label("Reason").fill("the launch")
        page.keyboard.press("Enter")
        expect(page.locator("#ask")).to_contain_text("20 is not above the limit, 25 USD")
        page.locator("#ask [name=limit_usd]").fill("40")
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_contain_text("$40.00 in total")
        press(page, "Notify team-a: 40 USD in total")
        page.locator("#ask [name=name]").fill("boss")
        page.locator("#ask [name=kind]").select_option("email")
        page.locator("#ask [name=email]").fill("boss@example.com")
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_contain_text("1 receiver of alerts")


def test_without_scripts_each_verb_is_a_page(chromium, live_server, acme):
    with owner(chromium, live_server, java_script_enabled=False) as page:
        page.goto("/dashboard/models/")
        page.get_by_role("link", name="Price acme/mini").click()
        page.get_by_label("Input, USD per million tokens", exact=False).first.fill("2")
        page.get_by_label("Output, USD per million tokens", exact=False).first.fill("10")
        page.get_by_role("button", name="Preview").click()
        expect(page.locator("#preview")).to_contain_text("1,000 typical requests = $5.00")
        page.get_by_role("button", name="Set the price").click()
        expect(page.get_by_role("alert")).to_contain_text("acme/mini from the beginning")
        page.goto("/dashboard/upstreams/")
        page.get_by_role("link", name="Test acme").click()
        page.get_by_role("button", name="Test").click()
        beside(run_due)
        page.get_by_role("link", name="Look again").click()
        expect(page.locator("#tried")).to_contain_text("models listed")


def test_statement_27_axe_finds_nothing_grave_in_the_dialogs(chromium, live_server, acme):
    found = []
    with owner(chromium, live_server) as page:
        for where, verb in (
            ("upstreams", "Add key acme"), ("upstreams", "Test acme"), ("upstreams", "Drain acme"),
            ("models", "Price acme/mini"), ("models", "Alias acme/mini"), ("models", "Test acme/mini"),
            *(("budgets", f"{verb} team-a: 25 USD in total") for verb in ("Raise", "Notify", "Thresholds")),
        ):  # fmt: skip
            page.set_viewport_size(DESK["viewport"])
            page.goto(f"/dashboard/{where}/")
            press(page, verb)
            found += looked_at(page, f"verb-{where}-{verb.split()[0].lower()}")
    assert not found, "\n".join(found)
