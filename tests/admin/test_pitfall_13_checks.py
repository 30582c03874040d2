"""Pitfalls 1, 3, 4 and 13 as system checks: `manage.py check` fails before a page or a form does."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client, override_settings
from django.urls import reverse
from unfold.admin import ModelAdmin

from neuroroute.checks import admin_pages, problems_of, reverse_proxy
from providers.adminbase import ListedAdmin
from providers.models import Credential, Deployment, Provider


def ids_of(base: type[ModelAdmin], model: Any, **values: Any) -> list[str | None]:
    page = type("Tried", (base,), values)(model, admin.site)
    return [message.id for message in problems_of([page])]


def test_pitfall_01_03_04_no_page_that_is_registered_breaks_a_rule() -> None:
    assert admin_pages(None) == []


@pytest.mark.parametrize("wrong", [{"show_full_result_count": True}, {"show_facets": admin.ShowFacets.ALLOW}])
def test_pitfall_01_a_list_that_counts_the_whole_table_fails_the_check(wrong: dict[str, Any]) -> None:
    assert ids_of(ListedAdmin, Provider, **wrong) == ["neuroroute.E002"]
    assert ids_of(ListedAdmin, Provider, date_hierarchy="created_at") == ["neuroroute.E002"]


def test_pitfall_03_a_plain_select_of_related_rows_fails_the_check() -> None:
    both = {"autocomplete_fields": ["provider", "model"]}
    assert ids_of(ListedAdmin, Deployment) == ["neuroroute.E001"] * 2
    assert ids_of(ListedAdmin, Deployment, fields=["upstream_model", ("provider",)]) == ["neuroroute.E001"]
    assert ids_of(ListedAdmin, Deployment, **both) == []


def test_pitfall_04_a_secret_column_that_is_searched_fails_the_check() -> None:
    values = {"fields": ["name"], "search_fields": ["name", "ciphertext"]}
    assert ids_of(ListedAdmin, Credential, **values) == ["neuroroute.E003"]
    assert ids_of(ListedAdmin, Provider, search_fields=["credentials__ciphertext"]) == ["neuroroute.E003"]


@pytest.mark.parametrize(
    ("origins", "header", "told"),
    [
        (["https://llm.example.com"], ("HTTP_X_FORWARDED_PROTO", "https"), []),
        (["https://*.example.com"], ("HTTP_X_FORWARDED_PROTO", "https"), []),
        (["https://other.example.com"], ("HTTP_X_FORWARDED_PROTO", "https"), ["neuroroute.E004"]),
        (["https://llm.example.com"], None, ["neuroroute.W005"]),
        ([], None, ["neuroroute.E004", "neuroroute.W005"]),
    ],
)
def test_pitfall_13_a_proxy_that_django_was_not_told_of_fails_the_check(
    origins: list[str], header: Any, told: list[str]
) -> None:
    with override_settings(
        PUBLIC_URL="https://llm.example.com", CSRF_TRUSTED_ORIGINS=origins, SECURE_PROXY_SSL_HEADER=header
    ):
        assert [message.id for message in reverse_proxy(None)] == told


def test_pitfall_13_the_demo_on_this_machine_needs_neither() -> None:
    with override_settings(PUBLIC_URL="", CSRF_TRUSTED_ORIGINS=[], SECURE_PROXY_SSL_HEADER=None):
        assert reverse_proxy(None) == []


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/admin/login/", "/dashboard/settings/"])
def test_pitfall_13_a_form_from_an_unknown_address_says_what_to_set(address: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    refused = browser.post(address, {"username": "ana"}, headers={"Origin": "https://llm.example.com"})
    text = refused.content.decode()
    assert refused.status_code == 403 and "PUBLIC_URL" in text and "X-Forwarded-Proto" in text
    assert "Nothing was changed" in text and "Open it anew" not in text and f'href="{reverse("welcome")}"' in text


@pytest.mark.django_db
def test_pitfall_13_a_form_that_is_refused_leads_to_the_page_it_stood_on() -> None:
    """Its own address may take nothing but forms; and nobody is led to another host."""
    browser, address = Client(enforce_csrf_checks=True), reverse("system-backups")
    for stood_on, leads in (
        ("http://testserver/admin/system/", True),
        ("https://testserver/admin/system/?x=1", True),
        ("https://elsewhere.example/admin/system/", False),
        ("javascript:alert(1)", False),
        ("", False),
    ):
        text = browser.post(address, {"at": ""}, headers={"Referer": stood_on}).content.decode()
        assert (f'href="{stood_on}">Open it anew' in text) is leads and f'href="{address}"' not in text, stood_on
