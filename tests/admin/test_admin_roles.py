"""What may each role do? Whose rows it does that with: test_pitfall_06_rows.py."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.db.models import Q
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from neuroroute.roles import EVERYBODYS, ROLES
from providers.models import AuditEntry, Deployment, DeploymentPrice
from tenants import keys
from tenants.models import ClientKey, Membership, RoleGrant, Tenant
from tenants.sight import sight_of
from tests.admin import rows
from tests.admin.pages import fill, page
from tests.people import browser_of, staff

pytestmark = pytest.mark.django_db


def rights(group: str) -> set[str]:
    found = Group.objects.get(name=group).permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in found}


def test_a_fresh_database_has_the_roles_with_their_rights() -> None:
    assert rights("owner") >= {"auth.change_user", "usage.read_bodies", "tenants.see_every_tenant"}
    assert rights("owner") == {f"{p.content_type.app_label}.{p.codename}" for p in Permission.objects.all()}
    assert rights(EVERYBODYS) == {"tenants.see_every_tenant"}
    assert all(name.split(".")[1].startswith("view_") for name in rights("viewer")) and rights("viewer")
    for role in ("viewer", "operator", "finance"):
        assert not rights(role) & {"usage.read_bodies", "tenants.see_every_tenant", "auth.view_user"}
    assert not {name for name in rights("viewer") | rights("finance") if "credential" in name}
    assert rights("operator") >= {"tenants.rotate_key", "providers.drain_deployment", "providers.change_credential"}
    assert rights("finance") >= {"tenants.raise_budget", "usage.add_invoice", "providers.add_deploymentprice"}
    assert not rights("finance") & {"tenants.rotate_key", "providers.drain_deployment", "tenants.add_clientkey"}
    assert not rights("operator") & {"tenants.raise_budget", "tenants.change_budget", "tenants.add_membership"}


def test_every_pattern_of_a_role_fits_a_right() -> None:
    known = [f"{p.content_type.app_label}.{p.codename}" for p in Permission.objects.all()]
    for pattern in {pattern for patterns in ROLES.values() for pattern in patterns}:
        assert any(re.fullmatch(pattern.replace(".", r"\.").replace("*", ".*"), name) for name in known), pattern


def test_an_upgrade_hands_out_what_is_new_and_leaves_what_was_changed() -> None:
    operator, right = Group.objects.get(name="operator"), Permission.objects.get(codename="rotate_key")
    operator.permissions.remove(right)
    Group.objects.get(name="viewer").delete()
    RoleGrant.objects.filter(role="finance", permission="tenants.raise_budget").delete()  # as if the verb were new
    finance = Group.objects.get(name="finance")
    finance.permissions.remove(Permission.objects.get(codename="raise_budget"))
    call_command("migrate", verbosity=0)
    assert "tenants.rotate_key" not in rights("operator") and not Group.objects.filter(name="viewer").exists()
    assert "tenants.raise_budget" in rights("finance")


def test_a_first_upgrade_keeps_older_groups_and_what_staff_saw() -> None:
    RoleGrant.objects.all().delete()
    Group.objects.all().delete()
    Group.objects.create(name="viewer")
    before, visitor = staff("before"), User.objects.create_user("visitor")
    call_command("migrate", verbosity=0)
    call_command("migrate", verbosity=0)
    assert rights("viewer") == set() and rights("operator")
    assert sight_of(User.objects.get(pk=before.pk)) is None
    assert sight_of(User.objects.get(pk=visitor.pk)) == sight_of(staff("after")) == frozenset()


def test_a_member_gets_no_key_of_the_operator_api(limited: Client, ours: Tenant) -> None:
    where = page("tenants_clientkey", "add")
    fill(limited, where, "clientkey_form", tenant=str(ours.pk), name="greedy", operator="on")
    assert not ClientKey.objects.get(name="greedy").operator
    strong = keys.issue(ours, "strong", operator=True)[0]
    assert limited.post(page("tenants_clientkey", "rotate_key", strong.pk), {"overlap": "0"}).status_code == 403
    assert ClientKey.objects.filter(operator=True).count() == 1


def test_what_is_about_all_tenants_is_closed_to_a_member(limited: Client, ours: Tenant, theirs: Tenant) -> None:
    AuditEntry.objects.create(actor="bo", via="admin", action="changed", kind="client key", object_name="theirs/x")
    key = rows.client_key(tenant=theirs)
    ClientKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() + timedelta(days=1))
    assert limited.get(page("providers_auditentry", "changelist")).status_code == 403
    home = limited.get(reverse("admin:index")).content.decode()
    assert "theirs" not in home and page("providers_auditentry", "changelist") not in home
    assert limited.get(page("tenants_tenant", "add")).status_code == 403


def test_an_owner_makes_members_on_both_pages(ours: Tenant, theirs: Tenant) -> None:
    owner, person = browser_of(staff("olga", "owner")), staff("mia", "viewer")
    held = {"memberships-TOTAL_FORMS": "1", "memberships-0-tenant": ours.pk, "memberships-0-user": person.pk}
    where = page("auth_user", "change", person.pk)
    answer = fill(owner, where, "user_form", **held, groups=[Group.objects.get(name="operator").pk])
    assert answer.status_code == 302, answer.context["errors"]
    held = {"members-TOTAL_FORMS": "1", "members-0-tenant": theirs.pk, "members-0-user": person.pk}
    assert fill(owner, page("tenants_tenant", "change", theirs.pk), "tenant_form", **held).status_code == 302
    assert sight_of(person) == {ours.pk, theirs.pk}
    assert [group.name for group in User.objects.get(pk=person.pk).groups.all()] == ["operator"]
    assert AuditEntry.objects.filter(action="added", kind="membership").count() == 2


@pytest.mark.parametrize("role", ["viewer", "operator", "finance"])
def test_only_an_owner_reaches_people(role: str, ours: Tenant) -> None:
    browser = browser_of(staff("pat", role, EVERYBODYS))
    assert browser.get(page("auth_user", "changelist")).status_code == 403
    said = browser.get(page("tenants_tenant", "change", ours.pk)).content.decode()
    assert "members-TOTAL_FORMS" not in said


def test_rotating_is_a_verb_of_operators(ours: Tenant) -> None:
    for role, status in (("viewer", 403), ("finance", 403), ("operator", 200)):
        key = rows.client_key(tenant=ours)
        address = page("tenants_clientkey", "rotate_key", key.pk)
        assert browser_of(staff(role, role, EVERYBODYS)).post(address, {"overlap": "0"}).status_code == status
        assert ClientKey.objects.filter(tenant=ours, revoked_at=None).exists()


@pytest.mark.parametrize(
    ("role", "model", "deed", "said"),
    [
        ("operator", "auth_user", "changelist", "the right to view users"),
        ("viewer", "tenants_tenant", "add", "the right to add tenants"),
        ("viewer", "tenants_clientkey", "rotate_key", "the right to rotate client key"),
        ("viewer", "tenants_clientkey", "revoke_key", "the right to change client keys"),
    ],
)
def test_a_closed_page_names_the_right_and_who_grants_it(
    role: str, model: str, deed: str, said: str, ours: Tenant
) -> None:
    staff("olga", "owner")
    row = [rows.client_key(tenant=ours).pk] if model == "tenants_clientkey" else []
    refused = browser_of(staff("pat", role, EVERYBODYS)).get(page(model, deed, *row))
    assert refused.status_code == 403
    assert f"This takes {said}. Owners here: olga." in refused.content.decode()


def test_a_page_that_is_closed_in_spite_of_the_right_does_not_name_it(limited: Client) -> None:
    person = User.objects.get(pk=limited.session["_auth_user_id"])
    person.user_permissions.add(Permission.objects.get(codename="view_auditentry"))
    refused = limited.get(page("providers_auditentry", "changelist"))
    assert refused.status_code == 403 and "This account may not see this page." in refused.content.decode()


def test_draining_needs_the_verb_alone(ours: Tenant) -> None:
    served = rows.deployment()
    drain = {"action": "disable", "_selected_action": served.pk, "index": 0, "post": "yes"}
    where = page("providers_deployment", "changelist")
    person = staff("dora", "viewer")
    browser_of(person).post(where, drain)
    assert Deployment.objects.get(pk=served.pk).enabled
    person.user_permissions.add(Permission.objects.get(codename="drain_deployment"))
    browser_of(person).post(where, drain)
    assert not Deployment.objects.get(pk=served.pk).enabled
    browser_of(person).post(where, drain | {"action": "enable"})
    assert not Deployment.objects.get(pk=served.pk).enabled


def test_finance_prices_a_deployment_and_changes_nothing_else_of_it() -> None:
    served, finance = rows.deployment(retries=2), browser_of(staff("fin", "finance", EVERYBODYS))
    where = page("providers_deployment", "change", served.pk)
    priced = {"prices-TOTAL_FORMS": "1", "prices-0-input": "1.5", "prices-0-output": "3"}
    priced |= {"prices-0-effective_from_0": "2026-01-01", "prices-0-effective_from_1": "00:00:00"}
    fixed = {"retries": "0", "enabled": None, "upstream_model": "other", "reason": "their new list"}
    answer = fill(finance, where, "deployment_form", **priced, **fixed)
    assert answer.status_code == 302, answer.context["errors"]
    now = Deployment.objects.get(pk=served.pk)
    assert (now.retries, now.enabled, now.upstream_model) == (2, True, "upstream")
    assert DeploymentPrice.objects.filter(deployment=served).count() == 1
    assert AuditEntry.objects.get(actor="fin").reason == "their new list"
    assert finance.post(page("providers_provider", "change", served.provider_id), {}).status_code == 403
    off = {"action": "disable", "_selected_action": served.pk, "post": "yes"}
    finance.post(page("providers_deployment", "changelist"), off)
    assert Deployment.objects.get(pk=served.pk).enabled


def test_a_standing_limit_is_raised_by_finance_only(ours: Tenant) -> None:
    budget = rows.budget(tenant=ours)
    person = staff("pat", EVERYBODYS)
    person.user_permissions.set(
        Permission.objects.filter(Q(codename__endswith="_budget") & ~Q(codename="raise_budget"))
    )
    where = page("tenants_budget", "change", budget.pk)
    fill(browser_of(person), where, "budget_form", limit_usd="9000", alerts="90")
    budget.refresh_from_db()
    assert (budget.limit_usd, budget.alerts) == (25, [90])
    fill(browser_of(staff("fin", "finance", EVERYBODYS)), where, "budget_form", limit_usd="30")
    budget.refresh_from_db()
    assert budget.limit_usd == 30


def test_bodies_are_read_by_those_who_may(ours: Tenant) -> None:
    where = page("feedback_evaluation", "change", rows.of_tenant(rows.evaluation(), ours))
    assert "Because." not in browser_of(staff("vic", "viewer", tenants=(ours,))).get(where).content.decode()
    assert "Because." in browser_of(staff("olga", "owner")).get(where).content.decode()


def test_a_deleted_tenant_leaves_its_member_with_nothing(ours: Tenant) -> None:
    person = staff("mia", "viewer", tenants=(ours,))
    assert sight_of(person) == {ours.pk}
    ours.delete()
    assert sight_of(User.objects.get(pk=person.pk)) == frozenset() and not Membership.objects.exists()
