"""Pitfall 6: rows end where the tenants of who looks end, in lists, choices, the palette and actions."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from profiling.models import Job
from profiling.runner import run_due
from providers import bulk
from tenants.adminrows import RowsInSight
from tenants.models import Budget, ClientKey, Tenant
from tests.admin import rows
from tests.admin.pages import fill, page

pytestmark = pytest.mark.django_db
LIMITED_PAGES = {"tenants_tenant", "tenants_clientkey", "tenants_budget", "feedback_rating", "feedback_evaluation"}


def test_pitfall_06_pages_of_tenants_rows_show_a_member_those_of_the_tenant(
    limited: Client, ours: Tenant, theirs: Tenant
) -> None:
    made = {
        "tenants_tenant": [tenant.pk for tenant in (ours, theirs)],
        "tenants_clientkey": [rows.client_key(tenant=tenant).pk for tenant in (ours, theirs)],
        "tenants_budget": [rows.budget(tenant=tenant).pk for tenant in (ours, theirs)],
        "feedback_rating": [rows.of_tenant(rows.rating(), tenant) for tenant in (ours, theirs)],
        "feedback_evaluation": [rows.of_tenant(rows.evaluation(), tenant) for tenant in (ours, theirs)],
    }
    assert set(made) == LIMITED_PAGES
    for name, (own, foreign) in made.items():
        listed = limited.get(page(name, "changelist"))
        assert [row.pk for row in listed.context["cl"].result_list] == [own], name
        assert b"theirs" not in listed.content
        for kind in ("change", "history", "delete"):
            assert limited.get(page(name, kind, foreign)).status_code == 404, (name, kind)
        assert limited.get(page(name, "change", own)).status_code == 200


def test_pitfall_06_every_model_with_a_tenant_has_a_limited_page() -> None:
    for model in apps.get_models():
        if (listed := admin.site._registry.get(model)) and (
            model is Tenant or any(getattr(field, "related_model", None) is Tenant for field in model._meta.fields)
        ):
            assert isinstance(listed, RowsInSight), model


def test_pitfall_06_autocomplete_and_palette_know_no_other_tenant(
    limited: Client, ours: Tenant, theirs: Tenant
) -> None:
    for tenant in (ours, theirs):
        rows.client_key(tenant=tenant, name=f"key-of-{tenant}")
    for field, app, model in (("tenant", "tenants", "clientkey"), ("key", "tenants", "budget")):
        asked = {"app_label": app, "model_name": model, "field_name": field, "term": ""}
        found = limited.get(reverse("admin:autocomplete"), asked).json()["results"]
        assert len(found) == 1 and "ours" in found[0]["text"]
    for term in ("theirs", "key-of"):
        said = limited.get(reverse("admin:search"), {"s": term, "extended": "1"}).content.decode()
        assert f"key-of-{theirs}" not in said and reverse("admin:tenants_tenant_change", args=[theirs.pk]) not in said
    assert "key-of-ours" in limited.get(reverse("admin:search"), {"s": "key-of", "extended": "1"}).content.decode()


def test_pitfall_06_a_typed_id_of_another_tenant_is_neither_taken_nor_named(
    limited: Client, ours: Tenant, theirs: Tenant
) -> None:
    new = {"tenant": theirs.pk, "name": "mine", "limit_usd": "5", "period": "month", "kind": "hard"}
    for name in ("tenants_clientkey", "tenants_budget"):
        answer = fill(limited, page(name, "add"), f"{name.split('_')[1]}_form", **new)
        assert answer.status_code == 200 and "theirs" not in answer.content.decode()
    foreign_key = rows.client_key(tenant=theirs, name="secretive")
    answer = fill(
        limited, page("tenants_budget", "add"), "budget_form", **(new | {"tenant": ours.pk, "key": foreign_key.pk})
    )
    assert answer.status_code == 200 and "secretive" not in answer.content.decode()
    assert not ClientKey.objects.filter(name="mine").exists() and not Budget.objects.exists()
    for name in ("tenants_clientkey", "tenants_budget", "feedback_rating"):
        said = limited.get(page(name, "changelist"), {"tenant__id__exact": theirs.pk}).content.decode()
        assert "theirs" not in said, name


def test_pitfall_06_verbs_stop_at_other_tenants(limited: Client, ours: Tenant, theirs: Tenant) -> None:
    foreign, own = rows.client_key(tenant=theirs), rows.client_key(tenant=ours)
    for verb in ("rotate_key", "revoke_key"):
        assert (
            limited.post(page("tenants_clientkey", verb, foreign.pk), {"overlap": "0", "post": "yes"}).status_code
            == 404
        )
    chosen = {"action": "revoke_selected", "_selected_action": [foreign.pk, own.pk], "post": "yes", "index": 0}
    limited.post(page("tenants_clientkey", "changelist"), chosen)
    foreign.refresh_from_db()
    own.refresh_from_db()
    assert own.revoked_at and not foreign.revoked_at and ClientKey.objects.count() == 2


@pytest.mark.parametrize("at_once", [1000, 1], ids=["by the request", "by a job"])
def test_pitfall_06_an_act_on_all_rows_is_one_on_ones_own(
    limited: Client, ours: Tenant, theirs: Tenant, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", at_once)
    own = [rows.client_key(tenant=ours).pk for _ in range(2)]
    foreign = rows.client_key(tenant=theirs)
    everything = {"action": "revoke_selected", "_selected_action": foreign.pk, "select_across": "1", "post": "yes"}
    limited.post(page("tenants_clientkey", "changelist"), everything | {"index": 0})
    run_due()
    assert Job.objects.filter(kind="bulk_act", state="done").count() == (at_once < len(own))
    assert list(ClientKey.objects.filter(revoked_at=None)) == [foreign]
    assert set(ClientKey.objects.exclude(revoked_at=None).values_list("pk", flat=True)) == set(own)
