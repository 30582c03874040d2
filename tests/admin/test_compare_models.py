"""Where a provider's listing, or the catalogue, differs from what is stored: shown field by field, taken if chosen."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from providers.differences import CATALOGUE, LISTING, differences
from providers.models import AuditEntry, Deployment, Provider
from providers.priors import prior_of
from providers.revisions import CATALOG, numbers
from providers.wire.listings import openai_models
from tests.admin import rows
from tests.admin.pages import fields_of
from tests.admin.test_import_models import RICH, listed, lists
from tests.discovery.upstream import refusal, upstream
from tests.people import browser_of, staff


def address(provider: Provider) -> str:
    return reverse("admin:providers_provider_compare_listed", args=[provider.pk])


def stored(provider: Provider, upstream_model: str, **columns: Any) -> Deployment:
    return rows.deployment(provider=provider, upstream_model=upstream_model, **columns)


def keys_by_column(provider: Provider) -> dict[str, str]:
    """The values of the boxes for the listing of `RICH`, by column."""
    listed = openai_models(json.dumps([RICH]).encode())
    return {each.column: each.key for each in differences(provider, listed)}


def test_differences_are_shown_field_by_field_and_change_nothing(operator: Client) -> None:
    with lists(RICH, "unknown-to-all") as provider:
        row = stored(provider, "rich-1", context=32000, capabilities=["vision"], max_output=900)
        stored(provider, "unknown-to-all", context=5, max_output=4)
        assert "Compare" in operator.get(address(provider)).content.decode()
        page = operator.get(listed(operator, address(provider)))
    text = page.content.decode()
    assert "2 of 2 match" in text and "32,000" in text and "64,000" in text and LISTING in text.replace("&#x27;", "'")
    assert str(row) in text and "chosen" not in fields_of(page)
    assert AuditEntry.objects.get().action == "listed models"


def test_only_what_is_ticked_is_taken_and_audited_with_its_reason(operator: Client) -> None:
    with lists(RICH) as provider:
        row = stored(provider, "rich-1", context=32000, capabilities=["vision"])
        before, ticked = numbers().get(CATALOG, 0), [keys_by_column(provider)["context"]]
        choice = {"chosen": ticked, "_ticked": "1", "reason": "they doubled it"}
        answer = operator.post(listed(operator, address(provider)), choice)
    assert answer.status_code == 302 and numbers()[CATALOG] > before
    row.refresh_from_db()
    assert (row.context, row.capabilities) == (64000, ["vision"])
    entry = AuditEntry.objects.get(action="changed")
    assert (entry.kind, entry.reason, entry.changes) == ("deployment", "they doubled it", {"context": [32000, 64000]})


def test_what_changed_since_the_page_was_opened_is_not_taken(operator: Client) -> None:
    with lists(RICH) as provider:
        row = stored(provider, "rich-1", context=32000, capabilities=["vision"])
        ticked = list(keys_by_column(provider).values())
        Deployment.objects.update(context=48000)  # by somebody else
        page = operator.post(listed(operator, address(provider)), {"chosen": ticked, "_ticked": "1"})
    assert "1 of the ticked lines changed since you opened the page" in page.content.decode()
    row.refresh_from_db()
    assert (row.context, row.capabilities) == (48000, ["vision"])
    assert not AuditEntry.objects.filter(action="changed").exists()


def test_a_context_below_the_longest_answer_is_refused_with_the_limit(operator: Client) -> None:
    with lists(RICH) as provider:
        row = stored(provider, "rich-1", context=128000, max_output=100000)
        ticked = [keys_by_column(provider)["context"]]
        page = operator.post(listed(operator, address(provider)), {"chosen": ticked, "_ticked": "1"})
    assert "100,000 tokens of answer do not fit a context of 64,000; give at most 64,000" in page.content.decode()
    row.refresh_from_db()
    assert row.context == 128000


def test_without_a_listing_the_catalogue_speaks_and_the_page_says_so(operator: Client) -> None:
    known = prior_of("gpt-4o-mini")
    with upstream(refusal(500, {})) as server:
        provider = rows.provider(base_url=f"{server.url}/v1", allow_private=True)
        stored(provider, "gpt-4o-mini", context=8000, max_output=None, capabilities=["tools"])
        page = operator.get(listed(operator, address(provider)))
    text = page.content.decode()
    assert "did not list its models" in text and CATALOGUE in text
    assert known is not None and f"{known.context:,}" in text and f"{known.max_output:,}" in text


@pytest.mark.django_db
def test_the_catalogue_does_not_correct_what_ones_own_server_said() -> None:
    provider = rows.provider(local=True)
    stored(provider, "gpt-4o-mini", context=4096, max_output=None, capabilities=["tools"])
    assert [(each.column, each.source) for each in differences(provider, ())] == [("max_output", CATALOGUE)]


@pytest.mark.django_db
def test_what_is_not_known_is_no_difference() -> None:
    provider = rows.provider()
    stored(provider, "unknown-to-all", context=4096, max_output=10, capabilities=["tools"])
    assert differences(provider, ()) == []


@pytest.mark.django_db
def test_a_viewer_takes_nothing_over() -> None:
    provider = rows.provider()
    assert browser_of(staff("vic", "viewer")).post(address(provider), {"_ticked": "1"}).status_code == 403
