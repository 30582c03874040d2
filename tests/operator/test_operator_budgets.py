"""Budgets through the operator's API: made, changed, raised, and how they stand."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from providers.models import AuditEntry
from tenants import keys
from tenants.budgets import Budget, BudgetWindow
from tenants.models import Tenant
from tenants.periods import Period, span_of
from tests.operator.conftest import Caller
from tests.people import browser_of, staff

BODY = {"tenant": "team-a", "usd": 25, "period": "month"}
pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    return Tenant.objects.create(name="team-a")


def refused(answer, status, param=None):
    assert answer.status_code == status, answer.content
    error = answer.json()["error"]
    assert error["param"] == param
    return error["message"]


def test_a_budget_is_made_changed_and_deleted(call, team):
    made = call.made("budgets", BODY)
    assert (made["usd"], made["tokens"], made["hard"], made["now"]["remaining"]) == (25, None, True, "25")
    refused(call("POST", "budgets", BODY), 409, "period")
    call.made("budgets", {"tenant": "team-a", "tokens": 1000, "period": "month"})  # another unit is another budget
    path = f"budgets/{made['id']}"
    changed = call("PATCH", path, {"hard": False, "low": {"percent": 20, "policy": "cheap"}}).json()
    assert (changed["usd"], changed["hard"], changed["low"]) == (25, False, {"percent": 20, "policy": "cheap"})
    for body, param in (
        ({"period": "day"}, "period"),
        ({"tokens": 9}, "tokens"),
        ({"low": {"percent": 5, "policy": "x"}}, "low.policy"),
    ):
        refused(call("PATCH", path, body), 400, param)
    assert Budget.objects.count() == 2
    assert call("DELETE", path).status_code == 204 and Budget.objects.count() == 1
    assert {"added", "changed", "deleted"} <= set(AuditEntry.objects.values_list("action", flat=True))


def test_a_budget_names_what_it_counts(call, team):
    keys.issue(team, "ci")
    made = call.made("budgets", {**BODY, "key": "ci", "tag": "nightly"})
    assert (made["key"], made["tag"]) == ("ci", "nightly")
    assert refused(call("POST", "budgets", {**BODY, "key": "other"}), 400, "key").startswith(
        "key: the tenant has no key"
    )
    refused(call("POST", "budgets", {**BODY, "tenant": "nope"}), 400, "tenant")
    found = call("GET", "budgets?key=ci&hard=true&period=month").json()["data"]
    assert [row["id"] for row in found] == [made["id"]]
    refused(call("GET", "budgets?period=year"), 400, "period")


def test_its_state_is_told_and_is_no_part_of_its_version(call, team):
    made = call.made("budgets", BODY)
    before = call("GET", f"budgets/{made['id']}")
    start = span_of(Period.MONTH, "UTC", timezone.now().timestamp()).start
    BudgetWindow.objects.create(budget_id=made["id"], start=start, spent=5_000_000_000, leased=1_000_000_000)
    after = call("GET", f"budgets/{made['id']}")
    now = after.json()["now"]
    assert (now["spent"], now["reserved"], now["remaining"], now["used_percent"]) == ("5", "1", "19", 20.0)
    assert before["etag"] == after["etag"]


def test_a_limit_is_raised_and_never_lowered_by_that(call, team):
    path = f"budgets/{call.made('budgets', BODY)['id']}"
    raised = call("POST", f"{path}/raise", {"usd": 30.5, "reason": "the launch"})
    assert raised.status_code == 200 and raised.json()["usd"] == 30.5
    assert Budget.objects.get().limit_usd == Decimal("30.5")
    entry = AuditEntry.objects.get(action="raised")
    assert (entry.reason, list(entry.changes)) == ("the launch", ["limit_usd"])
    for body, param in (({"usd": 30.5}, "usd"), ({"usd": 1}, "usd"), ({"tokens": 99}, "usd"), ({}, "usd")):
        refused(call("POST", f"{path}/raise", body), 400, param)
    assert Budget.objects.get().limit_usd == Decimal("30.5")


def test_who_may_raise_and_who_may_change_are_not_the_same(call, team):
    budget = call.made("budgets", BODY)
    other = Tenant.objects.create(name="team-b")
    unseen = call.made("budgets", {**BODY, "tenant": "team-b"})
    ana, ben = staff("ana", tenants=(team,)), staff("ben", tenants=(team,))
    for person, rights in ((ana, ("view_budget", "raise_budget")), (ben, ("view_budget", "change_budget"))):
        person.user_permissions.set(Permission.objects.filter(codename__in=rights))
    raising, changing = Caller("", browser_of(ana)), Caller("", browser_of(ben))
    path = f"budgets/{budget['id']}"
    assert raising("POST", f"{path}/raise", {"usd": 50}).status_code == 200
    assert "tenants.change_budget" in refused(raising("PATCH", path, {"alerts": [90]}), 403)
    assert changing("PATCH", path, {"alerts": [90]}).status_code == 200
    for method, address, body in (("POST", f"{path}/raise", {"usd": 99}), ("PATCH", path, {"usd": 1})):
        assert "tenants.raise_budget" in refused(changing(method, address, body), 403)
    assert raising("POST", f"budgets/{unseen['id']}/raise", {"usd": 99}).status_code == 404
    assert [row["tenant"] for row in raising("GET", "budgets").json()["data"]] == ["team-a"]
    assert other.budgets.get().limit_usd == 25 and team.budgets.get().limit_usd == 50
