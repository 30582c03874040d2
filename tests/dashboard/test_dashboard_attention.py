"""What needs a person stands on the dashboard as on the admin's overview: money too, with a link for who may follow."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from msgspec.structs import replace

from dashboard.attention import Here, check, findings
from dashboard.board import Board, acknowledge, board, change
from profiling.jobs import job_kinds
from profiling.models import Job
from providers.attention import Notice, unpriced_use
from providers.models import AuditEntry, Deployment, LanguageModel, Provider
from tenants.budgets import Budget, BudgetWindow
from tenants.models import Tenant
from tenants.periods import Period, span_of
from tests.admin.rows import price_proposal
from tests.dashboard.browsing import looking
from tests.dashboard.test_dashboard_pages import text_of
from tests.dashboard.traffic import day, ship
from tests.people import browser_of, session_of, staff

pytestmark = pytest.mark.usefixtures("own_var")  # a backlog of another test would be a finding

PANEL = "/dashboard/panels/home/attention/"
DRIFT = "alpha/small: prompts are estimated -31% off what it reports"
UNPRICED = "sandbox-ollama/sandbox-unpriced worked on 3 requests that have tokens and no cost"
BUDGET = "team: 25 USD per month"
PROPOSALS = "1 price differs from a public list"


def checked() -> None:
    check(datetime.now(UTC))


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
    checked()
    return budget


def test_findings_of_money_stand_on_the_dashboard_as_on_the_overview(troubled, admin_client):
    for path in ("/dashboard/", PANEL, reverse("admin:index")):
        page = text_of(admin_client.get(path))
        for said in (DRIFT, f"{BUDGET}: 96 % spent", PROPOSALS, UNPRICED, "Last check", "Since"):
            assert said in page, (path, said)


def test_what_lost_requests_stands_first(troubled, admin_client):
    BudgetWindow.objects.update(spent=26 * 10**9)
    checked()
    page = text_of(admin_client.get("/dashboard/"))
    assert page.index(f"{BUDGET}: is spent") < page.index(DRIFT)
    assert f"{BUDGET}: 104 %" not in page, "one finding per budget"


def test_the_same_is_not_told_twice(troubled, staff_client, traffic):
    checked()
    page = text_of(staff_client.get("/dashboard/"))
    assert UNPRICED not in page
    assert "sandbox-ollama/sandbox-unpriced has no price" in page


def test_the_greater_share_of_the_day_stands_first_and_the_unknown_behind(db):
    day = Board(requests=200, nano_usd=1000, busiest={"b/two": 50})
    found = [
        Notice("unknown", "", "", about="1", level="slow"),
        Notice("a tenth of the money", "", "", about="2", level="slow", nano_usd=100),
        Notice("a quarter of the requests", "", "", about="3", level="slow", traffic="b/two"),
        Notice("a trifle that loses requests", "", "", about="4", level="failing", requests=1),
        Notice("half of the requests, worth knowing", "", "", about="5", level="changed", requests=100),
    ]
    open_ones = findings(replace(day, notices=tuple(found)), Here(), datetime.now(UTC)).open
    assert [one.notice.about for one in open_ones] == ["4", "3", "2", "1", "5"]
    assert [one.share for one in open_ones] == [0.005, 0.25, 0.1, None, 0.5]


def test_a_finding_says_since_when_and_what_is_at_stake(staff_client, traffic):
    checked()
    page = text_of(staff_client.get("/dashboard/"))
    unpriced = [told for told in traffic if told.cost_nano_usd is None and told.status == "answered"]
    many, first = len(unpriced), datetime.fromtimestamp(min(told.started_us for told in unpriced) / 1e6, UTC)
    assert re.search(
        rf"Since {first.day} \w+ {first:%H:%M} At stake {many} requests? [\d.]+ % of daily requests", page
    ), page


def test_who_may_not_open_a_page_gets_no_link_to_it(troubled, client):
    owner = User.objects.create_superuser("olga")
    address = reverse("admin:tenants_budget_change", args=[troubled.pk])
    for user, linked in ((owner, True), (staff("ana", "every tenant"), False)):
        client.force_login(user)
        page = client.get("/dashboard/").content.decode()
        assert f"{BUDGET}: 96 % spent" in page and (f'href="{address}"' in page) is linked


def test_all_is_well_only_when_everything_was_looked_at(staff_client, tmp_path):
    now = datetime.now(UTC)
    provider = Provider.objects.create(name="alpha", wire="openai", base_url="http://127.0.0.1:9/v1", local=True)
    deployment = Deployment.objects.create(
        provider=provider, model=LanguageModel.objects.create(name="small"), upstream_model="small"
    )
    deployment.prices.create(effective_from=now - timedelta(days=1), input="1", output="2")
    page = text_of(staff_client.get("/dashboard/"))
    assert "Nothing was checked yet" in page and "✓ all well" not in page
    check(now - timedelta(minutes=5))
    page = text_of(staff_client.get("/dashboard/"))
    assert "The last check was at" in page and "none has come since" in page and "✓ all well" not in page
    checked()
    page = text_of(staff_client.get("/dashboard/"))
    assert "✓ all well" in page and "circuit breakers, and the last calls" in page and "Last check" in page


def test_who_wants_to_know_now_needs_no_worker(troubled, staff_client):
    change(lambda found: replace(found, checked_at=found.checked_at - timedelta(minutes=5)))
    BudgetWindow.objects.update(spent=26 * 10**9)
    answer = staff_client.post("/dashboard/attention/check/", {"back": "/dashboard/?range=7d"}, follow=True)
    assert f"{BUDGET}: is spent" in text_of(answer) and answer.request["QUERY_STRING"] == "range=7d"
    member = browser_of(staff("mia", "operator", tenants=(troubled.tenant,)))
    assert member.post("/dashboard/attention/check/").status_code == 403


def test_what_is_acknowledged_is_folded_until_it_gets_worse_or_is_taken_back(troubled, client):
    client.force_login(User.objects.create_superuser("olga"))
    about = {"about": f"budget {troubled.pk}"}
    before = bell_of(client)
    page = text_of(client.post("/dashboard/attention/acknowledge/", about, follow=True))
    assert "1 acknowledged" in page and "Acknowledged by olga on" in page and bell_of(client) == before - 1
    assert f"{BUDGET}: 96 % spent" not in text_of(client.get(reverse("admin:index"))).split("Latest changes")[0]
    entry = AuditEntry.objects.get(action="acknowledged")
    assert (entry.actor, entry.object_name) == ("olga", f"{BUDGET}: 96 % spent") and entry.changes["until"][0] is None
    checked()
    assert "1 acknowledged" in text_of(client.get("/dashboard/")), "a check does not forget"
    client.post("/dashboard/attention/take-back/", about)
    assert "acknowledged" not in panel_of(client) and bell_of(client) == before
    assert AuditEntry.objects.filter(action="took back").count() == 1
    client.post("/dashboard/attention/acknowledge/", about)
    BudgetWindow.objects.update(spent=26 * 10**9)
    checked()
    assert "acknowledged" not in panel_of(client) and f"{BUDGET}: is spent" in panel_of(client), "it is worse"


def test_an_acknowledgement_ends_with_growth_and_after_a_day(db):
    now, notice = datetime.now(UTC), Notice("slow", "", "", about="slow a/b", level="slow", requests=10)
    change(lambda found: replace(found, requests=100, notices=(notice,)))
    acknowledge(notice, "ana", now)
    standing = board()
    assert standing.hides(replace(notice, requests=15), now)
    assert not standing.hides(replace(notice, requests=16), now), "half as much again"
    assert not standing.hides(replace(notice, level="failing"), now)
    assert not standing.hides(notice, now + timedelta(hours=24))


def test_who_may_not_acknowledge_has_no_button_and_is_refused(troubled, staff_client):
    about = {"about": f"budget {troubled.pk}"}
    page = staff_client.get("/dashboard/").content.decode()
    assert 'form="attend" name="about"' not in page and "takes the right to acknowledge what needs attention" in page
    assert staff_client.post("/dashboard/attention/acknowledge/", about).status_code == 403
    member = browser_of(staff("mia", "operator", tenants=(troubled.tenant,)))
    assert member.post("/dashboard/attention/acknowledge/", {"about": "price proposals"}).status_code == 403
    assert member.post("/dashboard/attention/acknowledge/", about).status_code == 302
    assert board().acknowledged.keys() == {about["about"]}


def test_statement_32_a_member_hears_of_no_other_tenant_s_budget_and_no_sums(troubled, traffic):
    checked()
    other = Tenant.objects.create(name="other")
    member = browser_of(staff("mia", "operator", tenants=(other,)))
    said = panel_of(member)
    assert BUDGET not in said and DRIFT not in said and "of daily" not in said and PROPOSALS in said


@pytest.mark.parametrize("group", ["viewer", "finance", "operator"])
def test_the_overview_tells_each_person_what_the_dashboard_tells_them(group, troubled, traffic):
    tenant = Tenant.objects.create(pk=2, name="team-a")  # the traffic's
    ana, mia = staff("ana", group, "every tenant"), staff("mia", group, tenants=(tenant,))
    for person, theirs in ((ana, BUDGET), (mia, "of its attempts failed")):
        browser = browser_of(person)
        for path in (PANEL, reverse("admin:index")):
            page = text_of(browser.get(path)).split("Latest changes")[0]
            assert PROPOSALS in page and theirs in page and "All well" not in page, (person, path)


def test_who_sees_no_tenant_is_not_told_that_all_is_well(troubled, client):
    page = text_of(browser_of(staff("nora")).get(reverse("admin:index")))
    assert "You see no tenant, and so no findings" in page
    assert "All well" not in page and "Checked:" not in page and "You may not read the audit log" in page


def test_whose_findings_they_are_is_said_where_a_tenant_is_chosen(troubled, staff_client):
    said = "Findings are about all tenants together; the filter “team” does not act on them."
    assert said in text_of(staff_client.get("/dashboard/?tenant=team"))
    assert "does not act on them" not in text_of(staff_client.get("/dashboard/"))


def test_it_asks_as_much_whatever_it_holds(staff_client, troubled, django_assert_num_queries):
    with django_assert_num_queries(4):  # the session, the person with the board, the tenants, the rights
        staff_client.get(PANEL)
    ship(day(datetime.now(UTC), 200, hours=20, seed=8), settings.VAR_DIR / "more")
    checked()
    with django_assert_num_queries(4):
        staff_client.get(PANEL)


def test_the_check_is_a_job_of_every_minute_whose_rows_do_not_pile_up(troubled):
    kind = job_kinds()["attention"]
    assert kind.every == timedelta(minutes=1)
    assert kind.run(None, print)["found"] == len(board().notices)
    ended = datetime.now(UTC) - timedelta(hours=2)
    for name in ("attention", "clean_up"):
        Job.objects.create(kind=name, window="old", state="done", due_at=ended, finished_at=ended)
    job_kinds()["clean_up"].run(None, lambda *said: None)
    assert set(Job.objects.filter(window="old").values_list("kind", flat=True)) == {"clean_up"}


def bell_of(client: Client) -> int:
    found = re.search(r"(\d+) findings? to look at", client.get("/dashboard/cost/").content.decode())
    return int(found[1]) if found else 0


def panel_of(client: Client) -> str:
    page = client.get(PANEL).content.decode()
    return unescape(re.sub(r"<[^>]+>", "", page.split('id="panel-attention"')[1].split('class="formula"')[0]))


def test_a_panel_that_is_not_there_is_said(staff_client):
    for path in ("/dashboard/panels/home/nothing/", "/dashboard/panels/nowhere/attention/"):
        assert staff_client.get(path).status_code == 404


def test_strangers_see_no_panel(client: Client):
    assert client.get(PANEL).status_code == 302


def test_acknowledging_works_in_a_browser_and_without_scripts(chromium, live_server, transactional_db):  # noqa: F811
    change(lambda found: replace(found, checked_at=datetime.now(UTC), notices=(Notice("slow", "", "/", about="s"),)))
    session = session_of(User.objects.create_superuser("olga"))
    for scripts in (True, False):
        with looking(chromium, live_server.url, session, java_script_enabled=scripts) as (page, problems):
            page.goto("/dashboard/?range=7d")
            page.get_by_role("button", name="Acknowledge slow").click()
            page.get_by_text("1 acknowledged").click()
            assert "range=7d" in page.url and "1 finding" not in page.locator(".bell").inner_text()
            page.get_by_role("button", name="Take back slow").click()
            page.get_by_role("button", name="Acknowledge slow").wait_for()
            assert "1 finding" in page.locator(".bell").inner_text() and problems == []
