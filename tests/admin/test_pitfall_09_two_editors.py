"""Pitfall 9: who saves second is told what the first changed, and overwrites nothing."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from providers.adminbase import AuditedAdmin
from providers.models import Credential, Deployment, Provider
from providers.secrets import seal, unseal
from tests.admin import rows
from tests.admin.pages import fields_of, fill

EDITED = [model for model, page in admin.site._registry.items() if isinstance(page, AuditedAdmin)]


def address(row: Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def save(client: Client, row: Model, opened: dict[str, list[str]], **values: str) -> HttpResponse:
    return client.post(address(row), {**opened, **values, "_save": "Save"})


@pytest.fixture
def bob(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("bob"))
    return client


@pytest.mark.parametrize("model", EDITED, ids=lambda model: model._meta.model_name)
def test_pitfall_09_every_page_that_edits_says_what_it_showed(model: type[Model], operator: Client) -> None:
    row = rows.ROWS[model]()
    assert fields_of(operator.get(address(row)), f"{model._meta.model_name}_form")["_seen"][0]


def test_pitfall_09_the_second_editor_overwrites_nothing_and_reads_the_difference(
    operator: Client, bob: Client
) -> None:
    row = rows.deployment(retries=2)
    opened = fields_of(bob.get(address(row)), "deployment_form")
    fill(operator, address(row), "deployment_form", retries="1")
    refused = save(bob, row, opened, upstream_model="bobs")
    text = refused.content.decode()
    assert refused.status_code == 200 and "ana changed this" in text and "s ago: retries 2 → 1" in text
    row.refresh_from_db()
    assert (row.retries, row.upstream_model) == (1, "upstream")
    again = fields_of(refused, "deployment_form")
    assert again["upstream_model"] == ["bobs"]
    assert save(bob, row, again, retries="1").status_code == 302
    assert Deployment.objects.get().upstream_model == "bobs"


def test_pitfall_09_a_key_that_somebody_replaced_meanwhile_is_not_replaced_again(operator: Client, bob: Client) -> None:
    where = reverse("admin:providers_credential_replace_key", args=[rows.credential().pk])
    opened = fields_of(bob.get(where)) | {"secret": "sk-the-second-one-lost"}
    fill(operator, where, None, secret="sk-the-first-one-won")
    refused = bob.post(where, opened)
    text = refused.content.decode()
    assert "it is default …-won now" in text and "the-first-one" not in text and "-lost" not in text
    assert unseal(Credential.objects.get().ciphertext) == "sk-the-first-one-won"
    assert bob.post(where, fields_of(refused) | {"secret": "sk-the-second-one-lost"}).status_code == 302
    assert unseal(Credential.objects.get().ciphertext) == "sk-the-second-one-lost"


def test_pitfall_09_a_credential_that_somebody_changed_inside_the_page_is_told(operator: Client, bob: Client) -> None:
    provider = rows.credential().provider
    opened = fields_of(bob.get(address(provider)), "provider_form")
    fill(operator, address(provider), "provider_form", **{"credentials-0-name": "renamed"})
    refused = save(bob, provider, opened, **{"credentials-0-name": "bobs"})
    assert "ana changed the credential default" in refused.content.decode()
    assert Credential.objects.get().name == "renamed"


def test_pitfall_09_another_mistake_on_the_way_does_not_hide_the_other_editor(operator: Client, bob: Client) -> None:
    row = rows.provider()
    wrong = save(bob, row, fields_of(bob.get(address(row)), "provider_form"), base_url="ftp://wrong")
    fill(operator, address(row), "provider_form", allow_private="on")
    late = save(bob, row, fields_of(wrong, "provider_form"), base_url="https://b.example.com/v1")
    assert "ana changed this" in late.content.decode()
    assert Provider.objects.get().base_url == row.base_url


def test_pitfall_09_a_change_that_left_no_audit_row_is_seen_too(bob: Client) -> None:
    row = rows.credential()
    opened = fields_of(bob.get(address(row.provider)), "provider_form")
    Credential.objects.update(ciphertext=seal("sk-from-somewhere-else"))
    refused = save(bob, row.provider, opened, name="bobs")
    assert "This was changed since you opened the page" in refused.content.decode()


def test_pitfall_09_a_list_edits_nothing_in_place() -> None:
    """A list that saves all its rows at once would write back what others changed meanwhile."""
    assert [model for model, page in admin.site._registry.items() if page.list_editable] == []
