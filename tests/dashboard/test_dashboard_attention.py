"""What needs a person stands on the dashboard as on the admin's overview: money too, with a link for who may follow."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from profiling.models import Job
from providers.attention import unpriced_use
from providers.models import Deployment, LanguageModel, Provider
from tenants.budgets import Budget, BudgetWindow
from tenants.models import Tenant
from tenants.periods import Period, span_of
from tests.admin.rows import price_proposal
from tests.dashboard.browsing import looking
from tests.dashboard.test_dashboard_pages import text_of
from tests.dashboard.traffic import day, ship
from tests.people import staff

PANEL = "/dashboard/panels/home/attention/"
DRIFT = "alpha/small: prompts are estimated -31% off what it reports"
UNPRICED = "sandbox-ollama/sandbox-unpriced worked on 3 requests that have tokens and no cost"
BUDGET = "team: 25 USD per month"
PROPOSALS = "1 price differs from a public list"


@pytest.fixture
def troubled(db: None) -> Budget:
    """A budget near its limit, a price that waits, and a check of money with findings."""
    tenant = Tenant.objects.create(name="team")
    budget = Budget.objects.create(tenant=tenant, limit_usd=Decimal(25), period="month")
    start = span_of(Period.MONTH, "UTC", datetime.now(UTC).timestamp()).start
    BudgetWindow.objects.create(budget=budget, start=start, spent=24 * 10**9)
    found = [
        {"what": DRIFT, "effect": "Limits go by it."},
        {"what": UNPRICED, "effect": "no price", "about": unpriced_use("sandbox-ollama/sandbox-unpriced")},
    ]
    now = datetime.now(UTC)
    done = {"kind": "money_sanity", "window": "1", "state": "done", "due_at": now, "finished_at": now}
    Job.objects.create(result={"findings": found}, **done)
    price_proposal()
    return budget


def test_findings_of_money_stand_on_the_dashboard_as_on_the_overview(troubled, admin_client):
    for path in (PANEL, reverse("admin:index")):
        page = text_of(admin_client.get(path))
        for said in (DRIFT, f"{BUDGET}: 96 % spent", PROPOSALS, UNPRICED):
            assert said in page, (path, said)


def test_what_lost_requests_stands_first(troubled, admin_client):
    BudgetWindow.objects.update(spent=26 * 10**9)
    page = text_of(admin_client.get(PANEL))
    assert page.index(f"{BUDGET}: 104 % spent") < page.index(DRIFT)


def test_the_same_is_not_told_twice(troubled, staff_client, traffic):
    page = text_of(staff_client.get(PANEL))
    assert "sandbox-ollama/sandbox-unpriced has no price" in page and UNPRICED not in page


def test_who_may_not_open_a_page_gets_no_link_to_it(troubled, client):
    owner = User.objects.create_superuser("olga")
    address = reverse("admin:tenants_budget_change", args=[troubled.pk])
    for user, linked in ((owner, True), (staff("ana", "every tenant"), False)):
        client.force_login(user)
        page = client.get(PANEL).content.decode()
        assert f"{BUDGET}: 96 % spent" in page and (f'href="{address}"' in page) is linked


def test_all_is_well_only_when_everything_was_looked_at(staff_client, tmp_path):
    now = datetime.now(UTC)
    told = day(now, 300, hours=1)
    well = [one for one in told if len(one.attempts) == 1 and one.cost_nano_usd]
    ship(well[:20], tmp_path / "spool")
    provider = Provider.objects.create(name="alpha", wire="openai", base_url="http://127.0.0.1:9/v1", local=True)
    deployment = Deployment.objects.create(
        provider=provider, model=LanguageModel.objects.create(name="small"), upstream_model="small"
    )
    deployment.prices.create(effective_from=now - timedelta(days=1), input="1", output="2")
    assert "✓ all well" not in text_of(staff_client.get("/dashboard/"))
    assert "✓ all well" in text_of(staff_client.get(PANEL))


@pytest.mark.django_db(transaction=True)
def test_the_panel_alone_asks_as_much_whatever_it_holds(
    staff_client, tmp_path, django_assert_max_num_queries, django_assert_num_queries
):
    now = datetime.now(UTC)
    ship(day(now, 20, hours=20), tmp_path / "few")
    with django_assert_max_num_queries(14) as few:
        staff_client.get(PANEL)
    ship(day(now, 200, hours=20, seed=8), tmp_path / "more")
    with django_assert_num_queries(len(few)):
        staff_client.get(PANEL)


def test_a_panel_that_is_not_there_is_said(staff_client):
    for path in ("/dashboard/panels/home/nothing/", "/dashboard/panels/nowhere/attention/"):
        assert staff_client.get(path).status_code == 404


def test_strangers_see_no_panel(client: Client):
    assert client.get(PANEL).status_code == 302


def test_the_page_fetches_the_rest_by_itself(chromium, live_server, signed_in, troubled, traffic):  # noqa: F811
    with looking(chromium, live_server.url, signed_in, viewport={"width": 1280, "height": 900}) as (page, problems):
        page.goto("/dashboard/")
        page.locator("#panel-attention", has_text=DRIFT).wait_for()
        page.get_by_label("7d", exact=True).check()
        page.wait_for_url("**range=7d**")
        page.locator("#panel-attention", has_text=DRIFT).wait_for()
        assert page.locator("#panel-attention").count() == 1 and "/panels/" not in page.url
        assert problems == []
