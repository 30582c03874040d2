"""Does the page of budgets say when a budget runs out, and is that true?"""

import csv
import io
import random
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission, User

from dashboard.burndown import burn_down, said
from dashboard.outlooks import outlooks
from tenants.budgets import Budget, BudgetWindow
from tenants.models import ClientKey, Tenant
from tenants.periods import Period, span_of
from tests.dashboard.downloads import rows_of
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


@pytest.mark.parametrize(("period", "unit"), [("month", "days"), ("day", "hours")])
def test_what_was_spent_in_the_last_minutes_is_spent(team, tmp_path, period, unit):
    """They are in no whole step yet; that nothing was spent is not true for that."""
    now, rng = NOON + timedelta(minutes=12), random.Random(3)
    ship([outcome(now - timedelta(minutes=5), rng, tenant_id=2, cost_nano_usd=DOLLAR)], tmp_path / "spool")
    budget(team, spent=DOLLAR, now=now, limit_usd=2, period=period)
    assert said(only(team, now)) == f"unknown: 0 whole {unit} of spend so far, 3 are needed"


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
        "$60.00 83.3 %",
        "$2.00 $10.00",
        "runs out on",
    ):
        assert text in page
    for text in (f"/admin/tenants/budget/{row.pk}/change/", "tenant=team-b", "tz=Asia%2FKolkata", "chart-budget-"):
        assert text in answer.content.decode()


@pytest.mark.parametrize(("spent", "fill"), [(50, "fok"), (66, "fwarn"), (72, "fbad")])
def test_its_bar_has_one_colour_here_and_on_my_usage(staff_client, team, spending, spent, fill):
    """Fifty of 72 dollars run out within some days, which the badge says and not the bar."""
    budget(team, spent=spent * DOLLAR, now=datetime.now(UTC), limit_usd=72, period="total")
    for address in ("/dashboard/budgets/", "/dashboard/usage/?tenant=team-b"):
        page = staff_client.get(address).content.decode()
        row = page.partition("$72.00 in total")[2][:3000]
        assert re.search(r'<rect class="(f\w+)"', row)[1] == fill, address


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
    assert 'href="/dashboard/budgets/new/"' in page.content.decode()


def test_the_file_holds_exact_amounts(staff_client, team, spending):
    budget(team, spent=60 * DOLLAR + 1, now=datetime.now(UTC), limit_usd=72)
    answer = staff_client.get("/dashboard/panels/budgets/budgets.csv")
    head, row = csv.reader(io.StringIO(async_to_sync(_whole)(answer).decode()))
    told = dict(zip(head, row, strict=True))
    assert (told["Tenant"], told["Spent, USD"], told["Spent, tokens"]) == ("team-b", "60.000000001", "")


def test_the_burn_down_is_to_be_had_as_a_file_with_what_its_chart_draws(staff_client, team, spending):
    now = datetime.now(UTC)
    budget(team, spent=60 * DOLLAR + 1, now=now, limit_usd=72, period="total")
    budget(team, spent=6000, now=now, limit_tokens=10**9, period="month")
    head, *rows = rows_of(staff_client, "budgets/burn_down", tz="Asia/Kolkata")
    told = [dict(zip(head, row, strict=True)) for row in rows]
    dollars = [one for one in told if one["Period"] == "total"]
    assert len(dollars) > 20 and {one["Limit, USD"] for one in dollars} == {"72"}
    spent = [one["Spent, USD"] for one in dollars if one["Spent, USD"]]
    assert spent[-1] == "60.000000001" and [float(one) for one in spent] == sorted(map(float, spent))
    ends = [datetime.fromisoformat(one["Until"]) for one in dollars]
    assert ends == sorted(ends) and abs(ends[len(spent) - 1] - now) < timedelta(minutes=1)
    ahead = dollars[len(spent) :]
    assert ahead and all(one["At least, USD"] for one in ahead) and not any(one["Spent, tokens"] for one in dollars)
    assert {one["Limit, tokens"] for one in told if one["Period"] == "month"} == {str(10**9)}


def test_the_burn_down_leads_to_the_requests_behind_it(staff_client, team, spending):
    def offered() -> tuple[str, list[str]]:
        panel = staff_client.get("/dashboard/budgets/").content.decode()
        panel = panel.split('id="panel-burn_down"')[1].split('id="panel-')[0].split("<footer")[0]
        heading, *each = re.findall(r'href="([^"]+)"[^>]*>(?:<span[^>]*>[^<]*</span>)?Requests', panel)
        return unescape(heading), [unescape(one) for one in each]

    now = datetime.now(UTC)
    budget(team, now=now, limit_usd=72, period="total")
    heading, each = offered()
    assert each == [heading]
    budget(team, now=now, limit_usd=7, period="day", tag="nightly")
    heading, each = offered()
    words = [dict(parse_qsl(urlsplit(one).query)) for one in (heading, *each)]
    assert words[0]["from"] == min(one["from"] for one in words[1:]) and "tenant" not in words[0]
    assert sorted(one.get("tag", "") for one in words[1:]) == ["", "nightly"]
    assert all(one["tenant"] == "team-b" for one in words[1:])
    assert "nr-b" in staff_client.get(heading).content.decode()


def test_the_axis_of_a_forecast_ends_where_its_lines_do(team, spending):
    """At three dollars a day a limit of twelve, of which three are left, is passed half over within some days."""
    budget(team, spent=9 * DOLLAR, limit_usd=12, period="month")
    chart = burn_down(only(team))
    course, ahead = len(only(team).course), len(chart.labels) - len(only(team).course)
    assert chart.labels[course - 1] == "now" and 1 <= ahead <= 3
    assert any(series.values[-1] is not None for series in chart.series if series.label not in ("Limit", "Spent"))


def test_what_is_held_for_no_request_that_is_known_is_not_made_up(staff_client, team):
    now = datetime.now(UTC)
    budget(team, spent=DOLLAR, now=now, held=DOLLAR // 2, limit_usd=12, period="total")
    budget(team, now=now, limit_tokens=500, period="total")
    page = text_of(staff_client.get("/dashboard/budgets/"))
    told = page.partition("What is held now, and for which requests?")[2].partition("How is this counted?")[0]
    assert "team-b: $12.00 in total $0.5000 held: nothing for a running request, $0.5000 in" in told
    assert "500 tokens" not in told  # of that budget nothing is held


def test_where_nothing_is_held_the_page_says_so(staff_client, team):
    assert "No budget, so nothing is held." in text_of(staff_client.get("/dashboard/budgets/"))
    budget(team, limit_usd=12, period="total")
    assert "Nothing is held." in text_of(staff_client.get("/dashboard/budgets/"))
