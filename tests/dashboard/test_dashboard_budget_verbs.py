"""Can a budget be raised, its thresholds moved and somebody told of it from its page? By those who may, in sight."""

import re
from decimal import Decimal
from html import unescape

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from providers.models import AuditEntry, Revision
from providers.revisions import TENANTS
from tenants.alertrows import AlertReceiver
from tenants.budgets import Budget
from tenants.delivering import hook_of
from tenants.models import Tenant
from tests.dashboard.test_dashboard_budgets import DOLLAR, budget
from tests.dashboard.test_dashboard_pages import text_of
from tests.dashboard.test_dashboard_verbs import came_of, hidden
from tests.people import browser_of, staff

pytestmark = pytest.mark.django_db
VERBS = {"raise": "raise_budget", "notify": "add_alertreceiver", "thresholds": "change_budget"}
MAIL = {"name": "boss", "kind": "email", "email": "boss@example.com"}
HOOK = {"name": "chat", "kind": "webhook", "url": "https://hooks.example.com/secret-path", "key": "a-signing-key-0815"}


@pytest.fixture
def team() -> Tenant:
    return Tenant.objects.create(name="team-a")


@pytest.fixture
def row(team) -> Budget:
    return budget(team, spent=18 * DOLLAR, held=DOLLAR, limit_usd=25, period="total")


@pytest.fixture
def finance(team) -> Client:
    return browser_of(staff("fin", "finance", tenants=(team,)))


def page_of(row: Budget, verb: str) -> str:
    return f"/dashboard/budgets/{row.pk}/{verb}/"


def typed_into(client: Client, page: str, **typed: object):
    return client.post(page, hidden(client, page) | typed)


def told_at(answer, field: str) -> str:
    """What stands at a field of a form that was refused."""
    text = unescape(answer.content.decode())
    place = text.index(f'name="{field}"')
    assert answer.status_code == 422, text_of(answer)
    return text[place : text.index("</div>", place)]


def test_each_verb_takes_its_right_when_asked_and_when_done(row, team):
    viewer = staff("vic", "viewer", tenants=(team,))
    for verb, right in VERBS.items():
        page = page_of(row, verb)
        for answer in (browser_of(viewer).get(page), browser_of(viewer).post(page, {"limit_usd": 99, **MAIL})):
            assert answer.status_code == 403 and "the role finance has it" in text_of(answer)
        viewer.user_permissions.set(Permission.objects.filter(codename=right))
        assert browser_of(User.objects.get(username="vic")).get(page).status_code == 200, verb
        viewer.user_permissions.clear()
    row.refresh_from_db()
    assert (row.limit_usd, AlertReceiver.objects.count(), AuditEntry.objects.count()) == (25, 0, 0)


def test_another_tenants_budget_is_as_unknown_as_none(finance, row):
    theirs = budget(Tenant.objects.create(name="team-b"), limit_usd=10)
    for verb in VERBS:
        assert finance.get(page_of(row, verb)).status_code == 200
        for page in (page_of(theirs, verb), "/dashboard/budgets/999999/raise/"):
            assert [finance.get(page).status_code, finance.post(page, {"limit_usd": 99}).status_code] == [404, 404]
    assert Budget.objects.get(pk=theirs.pk).limit_usd == 10
    assert browser_of(staff("tom", "finance")).get(page_of(row, "raise")).status_code == 403, "sees no tenant"


def test_a_form_without_its_token_is_refused(row):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(staff("olga", "owner"))
    assert {strict.post(page_of(row, verb), {"limit_usd": 99}).status_code for verb in VERBS} == {403}


def test_the_row_offers_its_verbs_or_says_why_not(finance, row, team):
    page = finance.get("/dashboard/budgets/").content.decode()
    for verb in VERBS:
        assert re.search(rf'<a class="button asks" href="{page_of(row, verb)}">', page)
    viewer = text_of(browser_of(staff("vic", "viewer", tenants=(team,))).get("/dashboard/budgets/"))
    for label, right in (
        ("Raise", "raise budgets"),
        ("Notify", "add alert receivers"),
        ("Thresholds", "change budgets"),
    ):
        assert re.search(rf"Where {label} is off: \w+ takes? the right to {right}: the role finance has it", viewer)


def test_a_raise_says_how_it_stands_and_is_live_and_audited(finance, row):
    page = page_of(row, "raise")
    assert "Of 25 USD, 18 USD (72 %) is spent, and 1 USD held. Requests may spend up to" in text_of(finance.get(page))
    said = came_of(finance, page, limit_usd="40.5", reason="the launch")
    assert "The limit is 40.5 USD now: team-a" in said and "$40.50 in total" in said
    told = AuditEntry.objects.get()
    assert (told.actor, told.action, told.reason) == ("fin", "raised", "the launch")
    assert [Decimal(each) for each in told.changes["limit_usd"]] == [25, Decimal("40.5")]
    assert Revision.objects.get(part=TENANTS).number


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"limit_usd": "25", "reason": "x"}, "limit_usd", "25 is not above the limit, 25 USD"),
        ({"limit_usd": "10", "reason": "x"}, "limit_usd", "10 is not above the limit, 25 USD"),
        ({"limit_usd": "", "reason": "x"}, "limit_usd", "This field is required"),
        ({"limit_usd": "much", "reason": "x"}, "limit_usd", "Enter a number"),
        ({"limit_usd": "1e30", "reason": "x"}, "limit_usd", ""),
        ({"limit_usd": "40"}, "reason", "This field is required"),
        ({"limit_usd": "40", "reason": "x" * 501}, "reason", "at most 500 characters (it has 501)"),
    ],
)
def test_what_is_no_raise_is_told_at_its_field(finance, row, typed, field, said):
    part = told_at(typed_into(finance, page_of(row, "raise"), **typed), field)
    assert 'role="alert"' in part and said in part
    row.refresh_from_db()
    assert row.limit_usd == 25 and AuditEntry.objects.count() == 0


def test_a_budget_in_tokens_is_raised_in_tokens(finance, team):
    row = budget(team, limit_tokens=1_000)
    page = page_of(row, "raise")
    assert "limit_usd" not in finance.get(page).content.decode()
    part = told_at(typed_into(finance, page, limit_tokens="1000", reason="x"), "limit_tokens")
    assert "1,000 is not above the limit, 1,000 tokens" in part
    came_of(finance, page, limit_tokens="2000", limit_usd="5", reason="x")
    row.refresh_from_db()
    assert (row.limit_tokens, row.limit_usd) == (2_000, None)


def test_who_raises_second_overwrites_nothing_unasked(finance, row):
    page = page_of(row, "raise")
    opened = hidden(finance, page)
    Budget.objects.filter(pk=row.pk).update(limit_usd=60)
    late = finance.post(page, opened | {"limit_usd": "70", "reason": "x"})
    assert late.status_code == 422 and "Somebody else changed it" in text_of(late)
    row.refresh_from_db()
    assert row.limit_usd == 60


def test_thresholds_are_moved_and_what_is_none_is_told(finance, row):
    page = page_of(row, "thresholds")
    assert "72 % is spent" in text_of(finance.get(page)) and 'value="50, 80, 100"' in finance.get(page).content.decode()
    for typed in ("0", "eighty", "50, 2000"):
        assert "whole percents of the limit" in told_at(typed_into(finance, page, alerts=typed), "alerts")
    assert "is told of at 75 %, 90 %." in came_of(finance, page, alerts="75, 90", reason="sooner")
    assert "is told of no more." in came_of(finance, page, alerts="")
    told = AuditEntry.objects.order_by("id").values_list("action", "reason", "changes")
    assert list(told) == [
        ("changed", "sooner", {"alerts": [[50, 80, 100], [75, 90]]}),
        ("changed", "", {"alerts": [[75, 90], []]}),
    ]


def test_somebody_is_told_of_this_budget_alone(finance, row):
    page = page_of(row, "notify")
    assert "Is told when 50 %, 80 %, 100 % of it are spent, once in each period. Nobody is told of it yet." in text_of(
        finance.get(page)
    )
    assert "boss is told of team-a: 25 USD in total, at boss@example.com." in came_of(finance, page, **MAIL)
    assert "chat is told" in came_of(finance, page, **HOOK, reason="on duty")
    mail, hook = AlertReceiver.objects.order_by("pk")
    for one in (mail, hook):
        assert (one.budget, one.tenant, one.budget_alerts, one.findings, one.enabled) == (
            row,
            row.tenant,
            True,
            "none",
            True,
        )
    assert (hook_of(hook).url, hook_of(hook).key) == (HOOK["url"], HOOK["key"])
    again = finance.get(page)
    assert "Told already: team-a/boss (boss@example.com), team-a/chat (https://hooks.example.com/…)." in text_of(again)
    told = AuditEntry.objects.latest("id")
    assert (told.action, told.kind, told.reason) == ("added", "alert receiver", "on duty")
    assert not any(secret in str(told.changes) + again.content.decode() for secret in ("secret-path", HOOK["key"]))


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        (MAIL | {"email": ""}, "email", "An e-mail receiver needs an address"),
        (MAIL | {"email": "boss"}, "email", "Enter a valid email address"),
        (MAIL | {"name": "taken"}, "name", "There is a receiver taken already"),
        (HOOK | {"url": ""}, "url", "A webhook needs it"),
        (HOOK | {"url": "https://127.0.0.1/secret-path"}, "url", "private"),
        (HOOK | {"key": "short"}, "key", "fewer than 8 characters"),
    ],
)
def test_a_receiver_that_cannot_be_is_told_at_its_field_without_its_secrets(finance, row, typed, field, said):
    AlertReceiver.objects.create(tenant=row.tenant, name="taken", kind="email", email="a@example.com")
    answer = finance.post(page_of(row, "notify"), typed)
    assert said in told_at(answer, field)
    text = answer.content.decode()
    assert "secret-path" not in text and HOOK["key"] not in text and AlertReceiver.objects.count() == 1
