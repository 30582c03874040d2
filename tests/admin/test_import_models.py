"""What a provider lists is chosen from: ticked ones are added, what is here stays, long listings are filtered."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from providers import choosing
from providers.models import AuditEntry, Provider
from providers.revisions import CATALOG, numbers
from tests.admin import rows
from tests.admin.pages import fields_of
from tests.discovery.upstream import listing, refusal, upstream
from tests.people import browser_of, staff

RICH = {
    "id": "rich-1",
    "context_length": 64000,
    "supported_parameters": ["tools"],
    "pricing": {"prompt": "0.0000005", "completion": "0.000002"},
}


@contextmanager
def lists(*models: str | dict[str, Any]) -> Iterator[Provider]:
    """A provider that lists these."""
    with upstream(listing(*models)) as server:
        yield rows.provider(base_url=f"{server.url}/v1", allow_private=True)


def address(provider: Provider) -> str:
    return reverse("admin:providers_provider_import_listed", args=[provider.pk])


def opened(client: Client, provider: Provider, **typed: str) -> HttpResponse:
    """The page of what there is to choose, with a filter if one is typed."""
    return client.post(address(provider), typed)


def names(provider: Provider) -> set[str]:
    return set(provider.deployments.values_list("upstream_model", flat=True))


def test_the_page_tells_what_each_model_is_and_which_are_here(operator: Client) -> None:
    with lists("own-model", "gpt-4o-mini", "whisper-1", RICH) as provider:
        rows.deployment(provider=provider, model=rows.language_model(name="mine"), upstream_model="own-model")
        assert "List the models" in operator.get(address(provider)).content.decode()
        page = opened(operator, provider)
    text = page.content.decode()
    assert fields_of(page)["chosen"] == ["gpt-4o-mini", "rich-1"]
    assert "here as mine" in text and "0.5 / 2" in text and "64,000" in text
    assert "lists 4 models; 1 are here already, and 1 are left out" in text
    assert provider.deployments.count() == 1 and not AuditEntry.objects.exists()


def test_only_what_is_ticked_is_added_with_what_is_known_of_it(operator: Client) -> None:
    with lists("own-model", "gpt-4o-mini", RICH) as provider:
        fields = fields_of(opened(operator, provider)) | {"chosen": ["rich-1"], "_ticked": "1"}
        before = numbers().get(CATALOG, 0)
        answer = operator.post(address(provider), fields, follow=True)
    assert names(provider) == {"rich-1"} and "1 deployments added" in answer.content.decode()
    row = provider.deployments.get()
    assert (row.context, row.capabilities, float(row.prices.get().output)) == (64000, ["tools"], 2)
    assert AuditEntry.objects.get().changes == {"deployments": [0, 1], "models": [None, ["rich-1"]]}
    assert numbers()[CATALOG] > before


def test_nothing_ticked_adds_nothing_and_says_so(operator: Client) -> None:
    with lists("own-model") as provider:
        answer = operator.post(address(provider), {"_ticked": "1"})
    assert "No model was chosen" in answer.content.decode() and names(provider) == set()


def test_what_is_here_or_not_listed_cannot_be_forged(operator: Client) -> None:
    with lists("own-model", "other") as provider:
        rows.deployment(provider=provider, upstream_model="own-model", retries=0)
        operator.post(address(provider), {"_ticked": "1", "chosen": ["own-model", "never-listed", "other"]})
    assert names(provider) == {"own-model", "other"}
    assert provider.deployments.get(upstream_model="own-model").retries == 0


def test_a_long_listing_is_filtered_on_the_server_and_added_whole(operator: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr(choosing, "MOST_SHOWN", 10)
    with lists(*(f"big-{number}" for number in range(40)), *(f"tiny-{number}" for number in range(30))) as provider:
        page = opened(operator, provider, q=" TINY ")
        text = page.content.decode()
        assert len(fields_of(page)["chosen"]) == 10 and fields_of(page)["q"] == [" TINY "]
        assert "30 of 70 match; the first 10 are shown" in text and "Add all 30 that match" in text
        assert "big-1" not in text
        operator.post(address(provider), fields_of(page) | {"_all": "1"})
    assert names(provider) == {f"tiny-{number}" for number in range(30)}
    assert not provider.deployments.filter(enabled=True).exists()  # of a long listing only known ones are switched on


def test_a_filter_that_nothing_passes_says_so(operator: Client) -> None:
    with lists("own-model") as provider:
        text = opened(operator, provider, q="<nothing>").content.decode()
    assert "No listed model matches" in text and "<nothing>" not in text and "Add " not in text.split("<form")[-1]


def test_a_listing_that_fails_says_why_and_adds_nothing(operator: Client) -> None:
    with upstream(refusal(500, {})) as server:
        provider = rows.provider(base_url=f"{server.url}/v1", allow_private=True)
        page = operator.post(address(provider), {"_all": "1"})
    assert "Overloaded" in page.content.decode() and names(provider) == set()


@pytest.mark.django_db
def test_a_viewer_imports_nothing() -> None:
    provider = rows.provider()
    assert browser_of(staff("vic", "viewer")).post(address(provider), {"_all": "1"}).status_code == 403
