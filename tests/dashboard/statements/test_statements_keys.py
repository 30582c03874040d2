"""Does the dashboard obey the keyboard? Keys, the palette, and both switched off."""

import pytest
from playwright.sync_api import Page, expect

from dashboard.pages import NAVIGATION
from providers.models import LanguageModel, Provider
from tenants.models import ClientKey, Tenant
from tests.dashboard.browsing import looking
from tests.dashboard.traffic import TENANTS
from tests.people import browser_of, staff

SMALL = {"viewport": {"width": 1280, "height": 800}}


@pytest.fixture
def tenants(traffic) -> list[Tenant]:
    made = [Tenant.objects.create(pk=pk, name=name) for pk, name, _, _ in TENANTS]
    for pk, name, key_id, prefix in TENANTS:
        ClientKey.objects.create(pk=key_id, tenant_id=pk, name=f"{name}-key", prefix=prefix, digest=f"digest-of-{name}")
    Provider.objects.create(name="sandbox-ollama", wire="ollama", base_url="http://127.0.0.1:9/")
    LanguageModel.objects.create(name="sandbox-mini")
    return made


def focus_is_seen(page: Page) -> bool:
    """Nothing lies over the middle of what has the focus, and it has an outline."""
    return page.evaluate(
        """() => {
        const one = document.activeElement, box = one.getBoundingClientRect();
        const row = one.closest("tr.row")?.getBoundingClientRect() ?? box;
        const over = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
        const drawn = [undefined, "::after"].some((part) => getComputedStyle(one, part).outlineStyle !== "none");
        const free = one === over || one.contains(over) || over.contains(one);
        return drawn && free && row.top >= 0 && row.bottom <= innerHeight;
        }"""
    )


def test_statement_28_a_request_is_found_and_opened_by_keys_alone(chromium, live_server, signed_in, traffic):
    with looking(chromium, live_server.url, signed_in, **SMALL) as (page, problems):
        page.goto("/dashboard/")
        page.keyboard.type("gr")
        page.wait_for_url("**/dashboard/requests/")
        for _ in range(14):
            page.keyboard.press("j")
            assert focus_is_seen(page)
        page.keyboard.press("k")
        wanted = page.evaluate("document.activeElement.href")
        page.keyboard.press("Enter")
        page.wait_for_url(wanted)
        page.goto("/dashboard/cost/")
        page.keyboard.press("t")
        assert page.evaluate("document.activeElement.name") == "range"
        page.keyboard.press("Escape")
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("/")
        page.keyboard.type(f"req_{traffic[3].id}")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/requests/req_{traffic[3].id}/")
        assert problems == []


def test_statement_28_keys_do_nothing_in_fields_and_can_be_switched_off(chromium, live_server, signed_in):
    with looking(chromium, live_server.url, signed_in, **SMALL) as (page, _):
        page.goto("/dashboard/cost/")
        page.locator("#find").click()
        page.keyboard.type("gr?jk")
        expect(page.locator("#find")).to_have_value("gr?jk")
        expect(page.locator("#keys")).not_to_be_visible()
        page.goto("/dashboard/settings/")
        page.get_by_label("Keys that act alone").uncheck()
        page.get_by_role("button", name="Save").click()
        page.goto("/dashboard/cost/")
        page.keyboard.type("?gr")
        expect(page.locator("#keys")).not_to_be_visible()
        assert page.url.endswith("/dashboard/cost/")
        page.keyboard.press("Control+k")
        expect(page.locator("#palette-q")).to_be_focused()


def test_statement_40_the_question_mark_lists_the_keys_of_this_page(chromium, live_server, signed_in):
    with looking(chromium, live_server.url, signed_in, **SMALL) as (page, problems):
        page.goto("/dashboard/cost/")
        page.keyboard.press("?")
        shown = page.locator("#keys")
        for other in NAVIGATION:
            if other.letter:
                expect(shown.get_by_role("link", name=other.title, exact=True)).to_be_visible()
        expect(shown.get_by_text("Choose the range")).to_be_visible()
        page.keyboard.press("Escape")
        expect(shown).not_to_be_visible()
        page.goto("/dashboard/budgets/")
        page.keyboard.press("?")
        expect(shown.get_by_text("Choose the range")).to_have_count(0)
        assert problems == []


def test_statement_40_the_palette_finds_and_opens(chromium, live_server, signed_in, traffic, tenants):
    with looking(chromium, live_server.url, signed_in, **SMALL) as (page, problems):
        page.goto("/dashboard/cost/")
        for typed, hit in (
            ("laten", "Latency"),
            ("team-a", "team-a"),
            ("nr-dem", "nr-demo1…"),
            ("mini", "sandbox-mini"),
        ):
            page.keyboard.press("Control+k")
            page.keyboard.type(typed)
            expect(page.locator("#palette .found a", has_text=hit).first).to_be_visible()
            page.keyboard.press("Escape")
        page.keyboard.press("Control+k")
        page.keyboard.type(f" req_{traffic[0].id}")
        expect(page.locator("#palette .found a", has_text=f"req_{traffic[0].id}")).to_have_count(1)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/requests/req_{traffic[0].id}/")
        assert problems == []


@pytest.mark.django_db
def test_statement_40_as_a_page_it_finds_every_page_and_what_there_is(staff_client, tenants):
    shown = staff_client.get("/dashboard/find/").content.decode()
    assert all(f">{page.title}</span>" in shown for page in NAVIGATION)
    for typed, said in (
        ("demo-k", "demo/demo-key"),
        ("NR-TEAM", "nr-teama…"),
        ("balanced", "policy=balanced"),
        ("sandbox-ol", "provider=sandbox-ollama"),
    ):
        found = staff_client.get("/dashboard/find/", {"q": typed}).content.decode()
        assert said in found and "digest-of" not in found
    nothing = staff_client.get("/dashboard/find/", {"q": "zebra"}).content.decode()
    assert "Nothing is called like that" in nothing


@pytest.mark.django_db
def test_statement_40_and_32_another_tenant_is_not_found(tenants, traffic):
    member = browser_of(staff("mia", "viewer", tenants=(tenants[1],)))
    foreign = next(told for told in traffic if told.tenant == "demo")
    for typed in ("demo", "nr-demo", f"req_{foreign.id}"):
        found = member.get("/dashboard/find/", {"q": typed}, headers={"HX-Request": "true"}).content.decode()
        hits = found[found.index('class="found"') :]
        assert "nr-demo1" not in hits and "demo-key" not in hits and "tenant=demo" not in hits and "/req_" not in hits
    assert "team-a-key" in member.get("/dashboard/find/", {"q": "key"}).content.decode()
    assert "Invoices" not in member.get("/dashboard/find/").content.decode()
