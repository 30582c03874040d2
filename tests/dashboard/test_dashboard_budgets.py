"""Does the page of budgets say when a budget runs out, and is that true?"""

import csv
import io
import random
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission, User

from dashboard.burndown import said
from dashboard.outlooks import outlooks
from tenants.budgets import Budget, BudgetWindow
from tenants.models import ClientKey, Tenant
from tenants.periods import Period, span_of
from tests.dashboard.test_dashboard_csv import _whole
from tests.dashboard.test_dashboard_pages import text_of
from tests.dashboard.traffic import outcome, ship
from usage.models import TagRollup

pytestmark = pytest.mark.django_db
DOLLAR = 10**9
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.fixture
def team() -> Tenant:
    return Tenant.objects.create(pk=2, name="team-b", time_zone="Asia/Kolkata")


@pytest.fixture
def spending(team, tmp_path):
    """Three dollars on each of the last twenty days, and every hour an eighth of one."""
    rng = random.Random(1)
    who = {"tenant_id": 2, "tenant": "team-b", "key_id": 5, "key_prefix": "nr-b", "prompt_tokens": 100}
    who |= {"completion_tokens": 25, "cost_nano_usd": DOLLAR // 8, "status": "answered"}
    ship([outcome(NOON - timedelta(hours=hour, minutes=30), rng, **who) for hour in range(24 * 20)], tmp_path / "spool")


def budget(team: Tenant, spent: int = 0, now: datetime = NOON, held: int = 0, **facts) -> Budget:
    """One that was there for a long time, and what of it is spent."""
    row = Budget.objects.create(tenant=team, **facts)
    Budget.objects.filter(pk=row.pk).update(created_at=now - timedelta(days=20))
    start = span_of(Period(row.period), team.time_zone, now.timestamp()).start
    BudgetWindow.objects.create(budget=row, start=start, spent=spent, leased=held)
    return row


def only(team: Tenant, now: datetime = NOON):
    (found,) = outlooks(now, frozenset({team.pk}))
    return found


def test_statement_20_on_a_steady_spend_the_forecast_is_right_within_a_day(team, spending):
    """The truth: three dollars a day go on until twelve more are spent, four days from now."""
    budget(team, spent=60 * DOLLAR, limit_usd=72, period="total")
    found = only(team)
    assert abs(found.runs_out - (NOON + timedelta(days=4))) < timedelta(days=1)
    assert found.earliest <= found.runs_out <= found.latest
    assert found.latest - found.earliest < timedelta(days=1)
    assert said(found).startswith(f"runs out on {found.runs_out:%-d %b} (")
    assert found.level == "short"


def test_what_lasts_longer_than_its_period_holds(team, spending):
    budget(team, spent=DOLLAR, limit_usd=10_000, period="month")
    assert only(team).level == "holds"
    assert said(only(team)) == "holds until its reset"


def test_a_budget_of_a_day_is_forecast_by_hours(team, spending):
    budget(team, spent=DOLLAR, limit_usd="1.25", period="day")  # 12:00 is 17:30 there: six and a half hours are left
    found = only(team)
    assert found.runs_out == NOON + timedelta(hours=2)
    assert said(found) == "runs out at 19:30 (19:30 to 19:30)"


def test_a_budget_in_tokens_counts_tokens(team, spending):
    budget(team, spent=6000, limit_tokens=12_000, period="total")
    assert abs(only(team).runs_out - (NOON + timedelta(days=2))) < timedelta(hours=1)


def test_a_budget_of_a_key_counts_what_that_key_spent(team, spending):
    other = ClientKey.objects.create(pk=6, tenant=team, name="ci", prefix="nr-x", digest="x")
    budget(team, spent=0, limit_usd=5, period="total", key=other)
    assert only(team).runs_out is None
    assert said(only(team)) == "holds: nothing was spent in the last 14 days"


def test_what_is_spent_is_spent_and_what_is_unknown_says_why(team, spending):
    budget(team, spent=6 * DOLLAR, limit_usd=5, period="month")
    assert said(only(team)) == "is spent"
    Budget.objects.all().delete()
    budget(team, spent=0, limit_usd=5, period="month", tag="nightly")
    assert said(only(team)) == "holds: nothing was spent in the last 14 days"
    TagRollup.objects.all().delete()
    assert said(only(team)) == "unknown: 0 whole days of spend so far, 3 are needed", "no sums by tag were kept"


def test_two_days_of_spend_are_too_few(team, tmp_path):
    rng = random.Random(2)
    told = [outcome(NOON - timedelta(hours=hour), rng, tenant_id=2, cost_nano_usd=DOLLAR) for hour in range(1, 60)]
    ship(told, tmp_path / "spool")
    budget(team, spent=60 * DOLLAR, limit_usd=500, period="total")
    assert said(only(team)) == "unknown: 2 whole days of spend so far, 3 are needed"


def test_the_page_names_budget_window_amounts_and_links(staff_client, team, spending):
    now = datetime.now(UTC)
    User.objects.get(username="ana").user_permissions.add(Permission.objects.get(codename="change_budget"))
    row = budget(team, spent=60 * DOLLAR, now=now, held=2 * DOLLAR, limit_usd=72, period="total")
    answer = staff_client.get("/dashboard/budgets/")
    page = text_of(answer)
    for text in (
        "team-b",
        "$72.00 in total",
        "never resets",
        "Asia/Kolkata",
        "$60.00 83 %",
        "$2.00 $10.00",
        "runs out on",
    ):
        assert text in page
    for text in (f"/admin/tenants/budget/{row.pk}/change/", "tenant=team-b", "tz=Asia%2FKolkata", "chart-budget-"):
        assert text in answer.content.decode()


def test_the_links_lead_to_the_requests_of_the_window(staff_client, team, spending):
    budget(team, now=datetime.now(UTC), limit_usd=72, period="total")
    address = staff_client.get("/dashboard/budgets/").content.decode().split('small links"><a href="')[1].split('"')[0]
    assert "nr-b" in staff_client.get(address.replace("&amp;", "&")).content.decode()


def test_no_more_questions_for_more_budgets(staff_client, team, spending, django_assert_max_num_queries):
    for number in range(12):
        budget(team, now=datetime.now(UTC), limit_usd=number + 1, period=["day", "week", "month", "total"][number % 4])
    other = ClientKey.objects.create(pk=6, tenant=team, name="ci", prefix="nr-x", digest="x")
    budget(team, now=datetime.now(UTC), limit_usd=1, period="day", key=other)
    with django_assert_max_num_queries(12):
        page = text_of(staff_client.get("/dashboard/budgets/"))
    assert "Not drawn: 5 that last longer" in page


def test_another_tenants_budgets_are_not_shown(staff_client, team):
    Tenant.objects.create(pk=3, name="team-c")
    budget(team, limit_usd=72)
    assert "$72.00" not in text_of(staff_client.get("/dashboard/budgets/?tenant=team-c"))


def test_none_set_says_what_was_spent_and_offers_the_form(staff_client, traffic):
    User.objects.get(username="ana").user_permissions.add(Permission.objects.get(codename="add_budget"))
    page = staff_client.get("/dashboard/budgets/")
    assert "No budget is set; spent $" in text_of(page)
    assert 'href="/admin/tenants/budget/add/"' in page.content.decode()


def test_the_file_holds_exact_amounts(staff_client, team, spending):
    budget(team, spent=60 * DOLLAR + 1, now=datetime.now(UTC), limit_usd=72)
    answer = staff_client.get("/dashboard/panels/budgets/budgets.csv")
    head, row = csv.reader(io.StringIO(async_to_sync(_whole)(answer).decode()))
    told = dict(zip(head, row, strict=True))
    assert (told["Tenant"], told["Spent, USD"], told["Spent, tokens"]) == ("team-b", "60.000000001", "")
