"""Pitfall 7: what the history names is not deleted, and taking it out of use says first who used it."""

import random
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from providers.models import AuditEntry, Deployment, Provider
from tenants.models import ClientKey
from tests.admin import rows
from tests.admin.pages import fields_of
from tests.dashboard.traffic import outcome, ship
from tests.operator.conftest import Caller
from tests.people import browser_of, staff


def address(row: Model, kind: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{kind}", args=[row.pk])


@pytest.fixture
def used(db: None, tmp_path: Path) -> tuple[ClientKey, Deployment]:
    """A key that called a deployment ten minutes ago."""
    key, target = rows.client_key(), rows.deployment()
    whose = {"tenant_id": key.tenant_id, "tenant": key.tenant.name, "key_id": key.pk, "key_prefix": key.prefix}
    said = outcome(timezone.now() - timedelta(minutes=10), random.Random(7), **whose)
    said.provider, said.model = target.provider.name, target.model.name
    ship([said], tmp_path)
    return key, target


def test_pitfall_07_a_row_that_the_history_names_is_not_deleted(
    used: tuple[ClientKey, Deployment], operator: Client
) -> None:
    key, target = used
    ClientKey.objects.update(revoked_at=timezone.now())
    for row in (target, target.model, target.provider, key, key.tenant):
        text = operator.get(address(row)).content.decode()
        lately = "Used in the last hour." if row == key else f"1 key used it in the last hour: {key}"
        assert lately in text and ("used it in" in text) is (row != key) and "cannot be deleted" in text, row
        assert reverse("dashboard:requests") in text and address(row, "delete") not in text
        assert operator.post(address(row, "delete"), {"post": "yes"}).status_code == 403
        where = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_changelist")
        operator.post(where, {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
        assert type(row)._base_manager.filter(pk=row.pk).exists()


def test_pitfall_07_the_operators_api_keeps_it_too(used: tuple[ClientKey, Deployment]) -> None:
    key, target = used
    call = Caller(rows.keys.issue(rows.tenant(), "script", operator=True)[1])
    ClientKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
    paths = {"providers": target.provider, "models": target.model, "deployments": target, "api-keys": key}
    for path, row in (paths | {"tenants": key.tenant}).items():
        refused = call("DELETE", f"{path}/{row.pk}")
        assert refused.status_code == 409 and "1 requests in the history name it" in refused.content.decode(), path


def test_pitfall_07_what_nobody_used_may_go(operator: Client) -> None:
    row = rows.provider()
    assert "Nobody used it in the last hour" in operator.get(address(row)).content.decode()
    operator.post(address(row, "delete"), {"post": "yes"})
    assert not Provider.objects.exists()


def test_pitfall_07_disabling_asks_and_says_who_is_cut_off(
    used: tuple[ClientKey, Deployment], operator: Client
) -> None:
    key, target = used
    where = reverse("admin:providers_deployment_changelist")
    page = operator.post(where, {"action": "disable", "_selected_action": [target.pk], "index": "0"})
    assert f"{target}. 1 key used it in the last hour: {key}." in page.content.decode()
    target.refresh_from_db()
    assert target.enabled
    assert operator.post(where, fields_of(page) | {"reason": "too dear"}).status_code == 302
    target.refresh_from_db()
    assert not target.enabled and AuditEntry.objects.get(action="changed").reason == "too dear"


def test_pitfall_07_who_sees_one_tenant_reads_nothing_of_the_others_keys(used: tuple[ClientKey, Deployment]) -> None:
    key, target = used
    browser = browser_of(staff("vic", "operator", tenants=(rows.tenant(),)))
    text = browser.get(address(target.provider)).content.decode()
    assert "Nobody used it in the last hour" in text and str(key) not in text and "cannot be deleted" in text
