"""Who lets more be spent? One rule, whichever way it is asked for: admin, operator API, configuration file."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User

from tenants.models import Budget, Tenant
from tests.admin import rows
from tests.admin.pages import fill, page
from tests.operator.conftest import Caller
from tests.people import browser_of, staff

pytestmark = pytest.mark.django_db
RAISE = "tenants.raise_budget"
KNOWN = {"usd": 25, "period": "month"}
LOOSER = {"usd": {"usd": 900}, "hard": {"hard": False}, "unpriced": {"unpriced": "allow"}}
WAYS = ("admin", "budgets", "tenants", "config")


@pytest.fixture
def budget() -> Budget:
    return rows.budget(tenant=Tenant.objects.create(name="team"), limit_usd=25, period="month")


def person(*rights: str) -> User:
    """Somebody with every right but that to raise, and with these."""
    found = staff(f"almost{'-'.join(rights)}")
    found.user_permissions.set(Permission.objects.exclude(codename="raise_budget"))
    found.user_permissions.add(*Permission.objects.filter(codename__in=rights))
    return found


def in_admin(budget: Budget, wish: dict[str, Any]) -> dict[str, str]:
    """The same as fields of the admin's form."""
    spelled = {"usd": "limit_usd", "hard": "kind"}
    values = {"hard": "hard" if wish.get("hard", True) else "soft"}
    return {spelled.get(name, name): values.get(name, str(value)) for name, value in wish.items()}


def change(way: str, who: User, budget: Budget, wish: dict[str, Any]) -> int:
    """The status of the answer."""
    call, team = Caller("", browser_of(who)), budget.tenant_id
    if way == "admin":
        address = page("tenants_budget", "change", budget.pk)
        return fill(browser_of(who), address, "budget_form", **in_admin(budget, wish)).status_code
    if way == "budgets":
        return call("PATCH", f"budgets/{budget.pk}", wish).status_code
    if way == "tenants":
        return call("PATCH", f"tenants/{team}", {"budgets": [KNOWN | wish]}).status_code
    spec = {name: str(value).lower() for name, value in (KNOWN | wish).items()}
    inside = ", ".join(f"{name}: {value}" for name, value in spec.items())
    return call("PUT", "config", f"tenants: [{{name: team, budgets: [{{{inside}}}]}}]").status_code


def kept() -> tuple[Any, ...]:
    return Budget.objects.values_list("limit_usd", "kind", "unpriced").get()


@pytest.mark.parametrize("name", LOOSER)
@pytest.mark.parametrize("way", WAYS)
def test_what_lets_more_be_spent_is_changed_by_who_may_raise_whichever_way(way: str, name: str, budget: Budget):
    before = kept()
    status = change(way, person(), budget, LOOSER[name])
    assert status == 302 if way == "admin" else status == 403  # the admin's field is fixed: nothing of it is read
    assert kept() == before
    assert change(way, person("raise_budget"), budget, LOOSER[name]) in (200, 302)
    assert kept() != before


@pytest.mark.parametrize("way", WAYS)
def test_who_may_change_a_budget_makes_it_stricter_without_the_right_to_raise(way: str, budget: Budget):
    Budget.objects.update(kind="soft", unpriced="allow")
    assert change(way, person(), budget, {"hard": True, "unpriced": "refuse"}) in (200, 302)
    assert kept()[1:] == ("hard", "refuse")


def test_a_budget_is_taken_away_by_who_may_raise_and_delete(budget: Budget):
    almost, path = browser_of(person()), f"budgets/{budget.pk}"
    assert RAISE in Caller("", almost)("DELETE", path).json()["error"]["message"]
    assert almost.post(page("tenants_budget", "delete", budget.pk), {"post": "yes"}).status_code == 403
    wish = {"action": "delete_selected", "_selected_action": budget.pk, "post": "yes"}
    almost.post(page("tenants_budget", "changelist"), wish)
    assert Budget.objects.exists()
    shown = almost.get(page("tenants_budget", "changelist")).content.decode()
    assert "the rights to delete and to raise budgets" in shown
    assert Caller("", browser_of(person("raise_budget")))("DELETE", path).status_code == 204
    assert not Budget.objects.exists()


def test_clocks_under_which_a_budget_begins_anew_are_moved_by_who_may_raise(budget: Budget):
    """Another time zone begins new periods, in which nothing is spent yet."""
    almost, raiser, team = person(), person("raise_budget"), budget.tenant
    call, zone = Caller("", browser_of(almost)), "Pacific/Auckland"
    assert call("PATCH", f"tenants/{team.pk}", {"time_zone": zone}).status_code == 403
    document = f"tenants: [{{name: team, time_zone: {zone}}}]"
    assert call("PUT", "config", document).status_code == 403
    address = page("tenants_tenant", "change", team.pk)
    fill(browser_of(almost), address, "tenant_form", time_zone=zone)
    team.refresh_from_db()
    assert team.time_zone == "UTC"
    assert Caller("", browser_of(raiser))("PUT", "config", document).status_code == 200
    Budget.objects.all().delete()
    assert call("PATCH", f"tenants/{team.pk}", {"time_zone": "UTC"}).status_code == 200
