"""What is left of the dashboard where scripts are off? All numbers, all tables, and every filter."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import Struct
from playwright.sync_api import Locator, Page, expect

from dashboard.formatting import tokens
from providers.models import LanguageModel, Provider
from tenants.models import Budget, Tenant
from tenants.selectors import budget_states
from tests.dashboard.browsing import looking
from tests.dashboard.traffic import DEPLOYMENTS, TENANTS
from usage.outcomes import Outcome

Reading = Callable[[Page], Any]
SPENT = {"demo": 2_500_000_000, "team-a": 1_250_000_000}  # nano-dollars


class Case(Struct, frozen=True):
    """A page with a filter: what `reads` finds on it is what `told` makes of the requests that fit."""

    path: str
    filter: str
    choice: str
    fits: Callable[[Outcome], bool]
    reads: Reading
    told: Callable[[list[Outcome]], Any]
    before: bool = True  # whether the page has figures without a choice


def number(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def panel(page: Page, name: str) -> Locator:
    return page.locator(f"#panel-{name}")


def rows(page: Page, name: str) -> Locator:
    return panel(page, name).locator("table").last.locator("tbody tr:visible")


def tile(page: Page) -> int:
    """Of the first tile, that of requests; the chart's table has as many."""
    shown = number(page.locator(".tile .value").first.inner_text())
    panel(page, "traffic").get_by_text("Table", exact=True).click()
    cells = rows(page, "traffic").locator("td").all_inner_texts()
    return shown if shown == sum(map(number, cells)) else -1


def listed(page: Page) -> list[str]:
    return panel(page, "request_list").locator("tbody a.open:visible").evaluate_all("all => all.map((a) => a.pathname)")


def newest(told: list[Outcome]) -> list[str]:
    """The first page of the list."""
    told = sorted(told, key=lambda one: one.id, reverse=True)
    return [f"/dashboard/requests/req_{one.id}/" for one in told][:50]


def costs(page: Page) -> tuple[int, int]:
    """Requests, and rows of groups."""
    total = panel(page, "cost_groups").locator("tfoot td").first.inner_text()
    return number(total), rows(page, "cost_groups").count()


def samples(page: Page) -> dict[str, int]:
    """First tokens by provider."""
    read = {
        row.locator("th").inner_text(): row.locator("td").first.inner_text()
        for row in rows(page, "latency_groups").all()
    }
    return {name: number(text) for name, text in read.items()}


def failovers(page: Page) -> tuple[int, int]:
    """Failed over, and all; the sentence and the table say the same."""
    said = re.search(r"([\d,]+) of ([\d,]+) requests", panel(page, "flow").locator(".lede").inner_text())
    panel(page, "flow").get_by_text("Table", exact=True).click()
    cells = [row.locator("td").all_inner_texts() for row in rows(page, "flow").all()]
    assert said and number(said[1]) == sum(number(each[2]) for each in cells)
    return number(said[1]), sum(number(each[1]) for each in cells)


def spent(page: Page) -> dict[str, str]:
    """By tenant."""
    return {
        row.locator("th").inner_text().split("\n")[0]: row.locator(".score .nowrap").first.inner_text()
        for row in rows(page, "budgets").filter(has=page.locator("th")).all()  # the others hold the verbs
    }


def used(page: Page) -> list[str]:
    """Requests of this month, and what is left of the minute's limit."""
    facts = panel(page, "usage_left").locator(".facts > div").filter(has_text="Requests this month").locator("dd")
    return [
        facts.inner_text(),
        *rows(page, "usage_left").filter(has_text="Requests per minute").locator("td.n").all_inner_texts(),
    ]


def this_month(told: list[Outcome]) -> int:
    month = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return sum(one.started_us >= month.timestamp() * 1e6 for one in told)


def answered_by_provider(told: list[Outcome]) -> dict[str, int]:
    names = [one.provider for one in told if one.ttft_ms is not None]
    return {name: names.count(name) for name in names if name}


def of_team(one: Outcome) -> bool:
    return one.tenant == "team-a"


CASES = (
    Case("", "Tenant", "team-a", of_team, tile, len),
    Case("requests/", "Status", "failover", lambda one: one.failovers > 0, listed, newest),
    Case("cost/", "Model", "sandbox-coder", lambda one: one.model == "sandbox-coder", costs,
         lambda told: (len(told), len({one.model for one in told}))),
    Case("latency/", "Provider", "sandbox-anthropic", lambda one: one.provider == "sandbox-anthropic", samples,
         answered_by_provider),
    Case("reliability/", "Tenant", "team-a", of_team, failovers,
         lambda told: (sum(one.failovers > 0 for one in told), len(told))),
    Case("budgets/", "Tenant", "team-a", of_team, spent,
         lambda told: {one.tenant: f"${SPENT[one.tenant] / 1e9:.2f}" for one in told}),
    Case("usage/", "Tenant", "team-a", of_team, used, lambda told: [str(this_month(told)), "60", "60"], before=False),
)  # fmt: skip


@pytest.fixture
def installation(traffic: list[Outcome]) -> list[Outcome]:
    """The traffic, with the rows that it is about."""
    for pk, name, _, _ in TENANTS:
        tenant = Tenant.objects.create(pk=pk, name=name, requests_per_minute=60)
        budget = Budget.objects.create(tenant=tenant, limit_usd=10, period="month")
        (state,) = budget_states(datetime.now(UTC), pk)
        budget.windows.create(start=state.span.start, spent=SPENT[name])
    for provider, model in sorted({tuple(name.split("/")) for name, *_ in DEPLOYMENTS}):
        Provider.objects.get_or_create(name=provider, defaults={"wire": "openai", "base_url": "http://127.0.0.1:9/"})
        LanguageModel.objects.get_or_create(name=model)
    return traffic


def test_statement_05_without_javascript_the_numbers_and_the_filters_are_there(
    chromium, live_server, signed_in, installation
):
    """On each named page a filter is chosen, sent by the button, and taken off again by its chip."""
    with looking(chromium, live_server.url, signed_in, java_script_enabled=False) as (page, _):
        for case in CASES:
            told = [one for one in installation if case.fits(one)]
            assert 0 < len(told) < len(installation)
            page.goto(f"/dashboard/{case.path}?tz=Asia/Kolkata")
            if case.before:
                assert case.reads(page) == case.told(installation), case.path
            choose(page.get_by_role("combobox", name=case.filter), case.choice)
            page.get_by_role("button", name="Apply").click()
            page.wait_for_url(f"**{case.filter.lower()}={case.choice}**")
            assert case.reads(page) == case.told(told), case.path
            assert "tz=Asia%2FKolkata" in page.url
            assert "Looking at" not in page.locator("main").inner_text()
            page.get_by_role("link", name=f"{case.filter.lower()}: {case.choice}").click()
            expect(page.get_by_role("combobox", name=case.filter)).to_have_value("")
            if case.before:
                assert case.reads(page) == case.told(installation), case.path
        a_range_of_ones_own(page, installation)
        one_request(page, next(one for one in installation if one.failovers))


def choose(filter_: Locator, choice: str) -> None:
    """From its list, or by typing where there are too many to list."""
    if filter_.evaluate("one => one.tagName") == "SELECT":
        filter_.select_option(choice)
    else:
        filter_.fill(choice)


def a_range_of_ones_own(page: Page, told: list[Outcome]) -> None:
    """What came since the hour began."""
    begins = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    page.goto("/dashboard/requests/")
    page.get_by_label("custom", exact=True).check()
    page.get_by_label("From", exact=True).fill(f"{begins:%Y-%m-%dT%H:%M}")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**range=custom**")
    assert listed(page) == newest([one for one in told if one.started_us >= begins.timestamp() * 1e6])


def one_request(page: Page, told: Outcome) -> None:
    """S3: it has no filter, and is opened from a row."""
    page.goto("/dashboard/requests/?status=failover")
    page.locator(f"a.open[href*='{told.id}']").click()
    page.wait_for_url(f"**/requests/req_{told.id}/")
    assert f"{told.attempts_count} attempts" in panel(page, "request_summary").inner_text()
    considered = panel(page, "request_candidates").locator("table").first.locator("tbody tr:visible th .id")
    assert considered.first.inner_text().strip() == told.first_choice and considered.count() == 2
    panel(page, "request_attempts").get_by_text("Table", exact=True).click()
    tried = panel(page, "request_attempts").locator("table").first.locator("tbody tr:visible")
    assert tried.locator("th").all_inner_texts() == [one.deployment for one in told.attempts]
    assert tokens(told.prompt_tokens) in panel(page, "request_money").inner_text()
    expect(page.locator(".failed")).to_have_count(0)
