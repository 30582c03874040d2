"""Every version of a policy is kept with who, when and why; two are compared; an old one comes back as a new one."""

import io
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from providers.models import AuditEntry
from routing.models import Policy, PolicyVersion
from routing.policybook import load_policies
from tenants import keys
from tests.admin import rows
from tests.admin.pages import fill
from tests.operator.conftest import Caller
from tests.people import browser_of, staff

WEIGHTS = {"weights_cost": "30", "weights_latency": "70"}


@pytest.fixture
def policy(operator: Client) -> Policy:
    """A policy that ana added, and so its first version."""
    fields = {"name": "mine", "kind": "weighted", "reason": "a trial"} | WEIGHTS
    fill(operator, reverse("admin:routing_policy_add"), "policy_form", **fields)
    return Policy.objects.get(name="mine")


def save(client: Client, policy: Policy, **values: Any) -> HttpResponse:
    return fill(client, reverse("admin:routing_policy_change", args=[policy.pk]), "policy_form", **values)


def page_of(client: Client, name: str, number: int, against: str = "") -> HttpResponse:
    query = {"against": against} if against else {}
    return client.get(reverse("admin:routing_policy_version", args=[name, number]), query)


def kept(policy: Policy) -> list[tuple[int, str, str, str]]:
    found = PolicyVersion.objects.filter(policy=policy).order_by("number")
    return list(found.values_list("number", "made_by", "via", "reason"))


def test_every_way_of_changing_a_policy_keeps_a_version(policy: Policy, operator: Client, tmp_path: Any) -> None:
    save(operator, policy, weights_cost="50", reason="cost matters")
    key = keys.issue(rows.tenant(), "script", operator=True)[1]
    assert Caller(key)("PATCH", f"policies/{policy.pk}", {"recovery": True}).status_code == 200
    file = tmp_path / "neuroroute.yaml"
    file.write_text("policies: [{name: mine, hedging: true}]")
    call_command("apply", str(file), stdout=io.StringIO())
    told = [(number, via, reason) for number, _by, via, reason in kept(policy)]
    assert told == [(1, "admin", "a trial"), (2, "admin", "cost matters"), (3, "api", ""), (4, "file", "")]
    assert [entry[1] for entry in kept(policy)][:2] == ["ana", "ana"]
    policy.refresh_from_db()
    assert policy.version == 4 == load_policies().by_name["mine"].version
    assert AuditEntry.objects.filter(kind="policy", reason="cost matters").count() == 1


def test_what_decides_nothing_makes_no_version(policy: Policy, operator: Client) -> None:
    save(operator, policy, description="Other words")
    chosen = {"action": "disable", "_selected_action": [policy.pk], "post": "yes"}
    operator.post(reverse("admin:routing_policy_changelist"), chosen)
    assert not Policy.objects.get(pk=policy.pk).enabled
    assert len(kept(policy)) == 1


def test_any_two_versions_are_compared_field_by_field(policy: Policy, operator: Client) -> None:
    save(operator, policy, weights_cost="50")
    save(operator, policy, kind="ordered", order="gpt-5-mini")
    assert page_of(operator, "mine", 2).context["changes"] == [("weight of cost", "30", "50")]
    wide = page_of(operator, "mine", 3, against="1")
    expected = [("weight of cost", "30", "50"), ("kind", "weighted", "ordered"), ("order", "—", '["gpt-5-mini"]')]
    assert sorted(wide.context["changes"]) == sorted(expected)
    assert page_of(operator, "mine", 1, against="3").context["changes"][0][1:] == ("ordered", "weighted")
    opened = operator.get(reverse("admin:routing_policy_versions", args=[policy.pk]))
    assert opened.context["now"] and [row.number for row in opened.context["page"]] == [3, 2, 1]


def test_restoring_makes_a_new_version_with_the_old_content(policy: Policy, operator: Client) -> None:
    save(operator, policy, weights_cost="50")
    where = reverse("admin:routing_policy_restore", args=["mine", 1])
    assert operator.get(where).context["changes"] == [("weight of cost", "50", "30")]
    assert fill(operator, where, None, reason="").status_code == 200 and len(kept(policy)) == 2  # it wants a reason
    assert fill(operator, where, None, reason="too dear").status_code == 302
    policy.refresh_from_db()
    assert (policy.version, policy.weights["cost"]) == (3, 30)
    assert kept(policy)[-1] == (3, "ana", "admin", "Restores version 1. too dear")
    entry = AuditEntry.objects.filter(kind="policy").first()
    assert entry is not None and (entry.actor, entry.reason) == ("ana", "Restores version 1. too dear")
    again = operator.get(reverse("admin:routing_policy_restore", args=["mine", 1]))
    assert again.context["blocked"]


def test_restoring_overwrites_nothing_that_came_meanwhile(policy: Policy, operator: Client) -> None:
    save(operator, policy, weights_cost="50")
    where = reverse("admin:routing_policy_restore", args=["mine", 1])
    late = operator.post(where, {"reason": "too dear", "seen": "1"})
    assert "Nothing was overwritten" in late.content.decode() and len(kept(policy)) == 2


def test_a_version_that_does_not_hold_any_more_is_not_restored(policy: Policy, operator: Client) -> None:
    PolicyVersion.objects.update(decides={"kind": "gone", "weights": {"nobody": 1}})
    refused = fill(operator, reverse("admin:routing_policy_restore", args=["mine", 1]), None, reason="r")
    assert "there is no kind gone" in refused.content.decode() and len(kept(policy)) == 1


def test_a_name_never_has_the_same_number_twice(policy: Policy, operator: Client) -> None:
    save(operator, policy, name="yours")
    assert [row.name for row in PolicyVersion.objects.filter(policy=policy).order_by("number")] == ["mine", "yours"]
    operator.post(reverse("admin:routing_policy_delete", args=[policy.pk]), {"post": "yes"})
    assert "deleted" in page_of(operator, "yours", 2).content.decode()
    for name in ("mine", "yours"):
        fields = {"name": name, "kind": "weighted"} | WEIGHTS
        fill(operator, reverse("admin:routing_policy_add"), "policy_form", **fields)
    assert {row.name: row.version for row in Policy.objects.filter(name__in=["mine", "yours"])} == {
        "mine": 2,
        "yours": 3,
    }
    assert "Restoring" not in page_of(operator, "mine", 1).content.decode()


def test_who_may_see_policies_sees_their_versions_and_restores_none(policy: Policy, operator: Client) -> None:
    save(operator, policy, weights_cost="50")
    viewer, finance = browser_of(staff("vic", "viewer")), browser_of(staff("nobody"))
    assert "Restoring takes the right" in page_of(viewer, "mine", 1).content.decode()
    assert viewer.post(reverse("admin:routing_policy_restore", args=["mine", 1]), {"reason": "r"}).status_code == 403
    assert page_of(finance, "mine", 1).status_code == 403
    assert len(kept(policy)) == 2


def test_a_version_that_was_not_kept_says_so(policy: Policy, operator: Client) -> None:
    answer = operator.get(reverse("admin:routing_policy_version", args=["mine", 7]), follow=True)
    assert "Version 7 of mine is not kept" in answer.content.decode()


@pytest.mark.django_db
def test_the_upgrade_keeps_what_every_policy_decides_then() -> None:
    PolicyVersion.objects.all().delete()
    Policy.objects.all().delete()
    row = rows.policy(name="old", version=5)
    rows.policy(name="drill:plain", drill=True)
    migration = import_module("routing.migrations.0008_policy_versions")
    migration.keep_present(apps, SimpleNamespace(connection=connection))
    (version,) = PolicyVersion.objects.all()
    assert (version.policy, version.number, version.decides["weights"]) == (row, 5, {"cost": 1})
    assert (version.made_by, version.made_at) == ("", row.updated_at)
