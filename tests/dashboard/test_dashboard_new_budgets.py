"""Can a budget be set from the dashboard? By those who may, by the admin's rules, for what they see."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from providers.models import AuditEntry, Revision
from providers.revisions import TENANTS
from tenants import keys
from tenants.models import Budget, Tenant
from tests.dashboard.test_dashboard_budget_verbs import told_at, typed_into
from tests.dashboard.test_dashboard_pages import text_of
from tests.dashboard.test_dashboard_verbs import came_of
from tests.people import browser_of, staff

pytestmark = pytest.mark.django_db
NEW = "/dashboard/budgets/new/"
LIMIT = {"tenant": "team-a", "limit_usd": "25", "period": "month", "kind": "hard", "unpriced": "refuse"}


@pytest.fixture
def team() -> Tenant:
    return Tenant.objects.create(name="team-a")


@pytest.fixture
def finance(team: Tenant) -> Client:
    return browser_of(staff("fin", "finance", tenants=(team,)))


def test_a_budget_is_set_live_with_an_audit_row(team: Tenant, finance: Client) -> None:
    keys.issue(team, "ci")
    before = Revision.objects.get(part=TENANTS).number
    said = came_of(finance, NEW, **LIMIT, key="ci", tag="nightly", alerts="90", reason="the launch")
    assert "The budget is set: team-a: 25 USD per month, key ci, tag nightly." in said
    row = Budget.objects.get()
    assert (row.limit_usd, row.limit_tokens, row.key.name, row.tag) == (Decimal(25), None, "ci", "nightly")
    assert (row.period, row.kind, row.alerts, row.unpriced) == ("month", "hard", [90], "refuse")
    assert Revision.objects.get(part=TENANTS).number > before
    told = AuditEntry.objects.get()
    assert (told.actor, told.action, told.reason, told.changes["key"][1]) == ("fin", "added", "the launch", "team-a/ci")


@pytest.mark.parametrize(
    ("field", "typed", "told"),
    [
        ("key", {"key": "cj"}, "team-a has no key called cj"),
        ("alerts", {"alerts": "half"}, "whole percents"),
        ("limit_usd", {"limit_usd": "-1"}, "greater than or equal to 0"),
        ("low_policy", {"low_percent": "9", "low_policy": "cheepest"}, "Select a valid choice"),
        ("tenant", {"tenant": "team-b"}, "Select a valid choice"),
    ],
)
def test_what_makes_no_sense_is_told_at_its_field(finance: Client, field: str, typed: dict[str, str], told: str):
    Tenant.objects.create(name="team-b")  # out of sight
    assert told in told_at(typed_into(finance, NEW, **LIMIT | typed), field)
    assert not Budget.objects.exists() and not AuditEntry.objects.exists()


def test_a_budget_has_one_limit(finance: Client) -> None:
    for typed in (LIMIT | {"limit_usd": ""}, LIMIT | {"limit_tokens": "9"}):
        answer = typed_into(finance, NEW, **typed)
        assert answer.status_code == 422 and "one limit, in USD or in tokens" in text_of(answer)


def test_it_takes_the_right_to_add_budgets(team: Tenant) -> None:
    viewer = staff("vic", "viewer", tenants=(team,))
    for answer in (browser_of(viewer).get(NEW), browser_of(viewer).post(NEW, LIMIT)):
        assert answer.status_code == 403 and "the role finance has it" in text_of(answer)
    viewer.user_permissions.set(Permission.objects.filter(codename="add_budget"))
    assert browser_of(User.objects.get(username="vic")).get(NEW).status_code == 200
    assert not Budget.objects.exists()


def test_an_address_fills_it_in(team: Tenant, finance: Client) -> None:
    key = keys.issue(team, "ci")[0]
    held = finance.get(f"{NEW}?tenant=team-a&key={key.pk}&limit_usd=12.5&period=week").content.decode()
    for part in ('<option value="team-a" selected', 'value="12.5"', '<option value="week" selected', 'value="ci"'):
        assert part in held, part
