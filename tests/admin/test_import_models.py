"""What a provider lists is chosen from: ticked ones are added, what is here stays, long listings are filtered."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from profiling.models import Job
from profiling.runner import run_due
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


def listed(client: Client, question: str) -> str:
    """The address of what a worker listed, after it was asked for at the page `question`."""
    asked = client.post(question)
    assert asked.status_code == 302
    run_due()
    return str(asked["location"])


def worker() -> threading.Thread:
    """A worker beside the page, that has begun to do what is due."""

    def work() -> None:
        run_due()
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def opened(client: Client, provider: Provider, **typed: str) -> HttpResponse:
    """The page of what there is to choose, with a filter if one is typed."""
    where = listed(client, address(provider))
    return client.post(where, typed) if typed else client.get(where)


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
    assert "listed 4 models at" in text and "1 are here already, and 1 are left out" in text
    assert provider.deployments.count() == 1 and AuditEntry.objects.get().action == "listed models"


def test_only_what_is_ticked_is_added_with_what_is_known_of_it(operator: Client) -> None:
    with lists("own-model", "gpt-4o-mini", RICH) as provider:
        where = listed(operator, address(provider))
        fields = fields_of(operator.get(where)) | {"chosen": ["rich-1"], "_ticked": "1"}
        before = numbers().get(CATALOG, 0)
        answer = operator.post(where, fields, follow=True)
    assert names(provider) == {"rich-1"} and "1 deployments added" in answer.content.decode()
    row = provider.deployments.get()
    assert (row.context, row.capabilities, float(row.prices.get().output)) == (64000, ["tools"], 2)
    assert AuditEntry.objects.get(action="imported models").changes == {
        "deployments": [0, 1],
        "models": [None, ["rich-1"]],
    }
    assert numbers()[CATALOG] > before


def test_nothing_ticked_adds_nothing_and_says_so(operator: Client) -> None:
    with lists("own-model") as provider:
        answer = opened(operator, provider, _ticked="1")
    assert "No model was chosen" in answer.content.decode() and names(provider) == set()


def test_what_is_here_or_not_listed_cannot_be_forged(operator: Client) -> None:
    with lists("own-model", "other") as provider:
        rows.deployment(provider=provider, upstream_model="own-model", retries=0)
        forged = {"_ticked": "1", "chosen": ["own-model", "never-listed", "other"]}
        operator.post(listed(operator, address(provider)), forged)
    assert names(provider) == {"own-model", "other"}
    assert provider.deployments.get(upstream_model="own-model").retries == 0


def test_a_long_listing_is_filtered_on_the_server_and_added_whole(operator: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr(choosing, "MOST_SHOWN", 10)
    with lists(*(f"big-{number}" for number in range(40)), *(f"tiny-{number}" for number in range(30))) as provider:
        where = listed(operator, address(provider))
        page = operator.post(where, {"q": " TINY "})
        text = page.content.decode()
        assert len(fields_of(page)["chosen"]) == 10 and fields_of(page)["q"] == [" TINY "]
        assert "30 of 70 match; the first 10 are shown" in text and "Add all 30 that match" in text
        assert "big-1" not in text
        operator.post(where, fields_of(page) | {"_all": "1"})
    assert names(provider) == {f"tiny-{number}" for number in range(30)}
    assert not provider.deployments.filter(enabled=True).exists()  # of a long listing only known ones are switched on


def test_a_filter_that_nothing_passes_says_so(operator: Client) -> None:
    with lists("own-model") as provider:
        text = opened(operator, provider, q="<nothing>").content.decode()
    assert "No listed model matches" in text and "<nothing>" not in text and "Add " not in text.split("<form")[-1]


def test_a_listing_that_fails_says_why_adds_nothing_and_can_be_asked_for_again(operator: Client) -> None:
    with upstream(refusal(500, {})) as server:
        provider = rows.provider(base_url=f"{server.url}/v1", allow_private=True)
        where = listed(operator, address(provider))
        assert "provider overloaded" in operator.get(where).content.decode()
        server.answer = listing("own-model")
        again = listed(operator, where)
    assert again != where and "own-model" in operator.get(again).content.decode() and names(provider) == set()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", ["import_listed", "compare_listed"])
def test_no_page_waits_for_an_upstream_that_answers_slowly(operator: Client, verb: str) -> None:
    asked_there, may_answer = threading.Event(), threading.Event()

    def slowly(path: str, body: Any) -> Any:
        asked_there.set()
        assert may_answer.wait(30)
        return listing(RICH)(path, body)

    with upstream(slowly) as server:
        provider = rows.provider(base_url=f"{server.url}/v1", allow_private=True)
        rows.deployment(provider=provider, upstream_model="rich-1", context=32000)
        where = operator.post(reverse(f"admin:providers_provider_{verb}", args=[provider.pk]))["location"]
        beside = worker()
        assert asked_there.wait(30)
        waits = [operator.get(where).content.decode(), operator.post(where).content.decode()]
        may_answer.set()
        beside.join()
    assert all("A worker lists the models" in page and 'hx-trigger="every 1s' in page for page in waits)
    assert operator.get(where, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    assert "64,000" in operator.get(where).content.decode()
    assert len(server.asked) == Job.objects.count() == 1


def test_an_address_shows_no_other_provider_s_listing_and_no_mere_test(operator: Client) -> None:
    with lists("own-model") as provider:
        number = listed(operator, address(provider)).partition("?test=")[2]
        tested = listed(operator, reverse("admin:providers_provider_test_connection", args=[provider.pk]))
    other = address(rows.provider())
    wrong = (f"{other}?test={number}", f"{address(provider)}?{tested.partition('?')[2]}", f"{other}?test=999999")
    assert [operator.get(where).status_code for where in wrong] == [404, 404, 404]


def test_the_row_of_the_job_counts_what_was_listed(operator: Client) -> None:
    with lists(*(f"big-{number}" for number in range(1200))) as provider:
        listed(operator, address(provider))
    text = operator.get(reverse("admin:profiling_job_change", args=[Job.objects.get().pk])).content.decode()
    assert "&quot;kept&quot;: &quot;1,200&quot;" in text and "big-1199" not in text


@pytest.mark.django_db
def test_a_viewer_imports_nothing() -> None:
    provider = rows.provider()
    assert browser_of(staff("vic", "viewer")).post(address(provider), {"_all": "1"}).status_code == 403
