"""Which models does the catalogue page show, and does it stay small however many there are?"""

import csv
import io
from datetime import UTC, datetime

import pytest
from asgiref.sync import async_to_sync

from dashboard.formatting import per_million
from dashboard.panels.catalogue import CataloguePanel
from dashboard.scope import scope_of
from providers.models import Deployment, LanguageModel, Provider
from providers.pricerows import BEGINNING, DeploymentPrice

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Provider:
    return Provider.objects.create(name="acme", wire="openai", base_url="http://127.0.0.1:9/v1", allow_private=True)


def offered(provider: Provider, name: str, **facts) -> Deployment:
    model, _ = LanguageModel.objects.get_or_create(name=name, defaults={"quality": 0.5})
    return Deployment.objects.create(provider=provider, model=model, upstream_model=name, **facts)


def shown(**words: str):
    return CataloguePanel().data(scope_of("models", words, datetime.now(UTC)))


def test_a_line_says_what_is_known_and_a_dash_for_the_rest(staff_client, acme):
    known = offered(acme, "big", context=128_000, capabilities=["tools", "vision"], quality=0.8)
    DeploymentPrice.objects.create(deployment=known, effective_from=BEGINNING, input="2.5", output="10")
    offered(acme, "small", enabled=False)
    page = staff_client.get("/dashboard/models/").content.decode()
    big, small = page.split('<th scope="row"')[1:3]
    assert "128.0k" in big and "tools, vision" in big and ">2.50 · 10.00<" in big and "0.80" in big
    assert "off" in small and "no price is entered" in small and "0.50" in small, "a model's prior stands for its own"


def test_statement_23_it_is_paged_by_the_last_line(acme):
    for number in range(120):
        offered(acme, f"model-{number:03}")
    seen, words = [], {}
    for _ in range(3):
        page = shown(**words)
        seen += [row.line.model for row in page.rows]
        words = {"cursor": page.next.partition("cursor=")[2]}
    assert seen == [f"model-{number:03}" for number in range(120)] and not page.next


@pytest.mark.parametrize("cursor", ["x", "-1", "9" * 30, "999999"])
def test_a_cursor_that_is_none_begins_at_the_first(acme, cursor):
    offered(acme, "only")
    assert [row.line.model for row in shown(cursor=cursor).rows] == ["only"]


def test_filters_that_fit_nothing_are_told_from_an_empty_catalogue(staff_client, acme):
    assert b"No model is known yet" in staff_client.get("/dashboard/models/").content
    offered(acme, "only")
    assert b"No model fits these filters" in staff_client.get("/dashboard/models/?model=other").content


def test_the_file_has_every_line(staff_client, acme):
    for number in range(70):
        offered(acme, f"model-{number:03}")
    answer = staff_client.get("/dashboard/panels/models/catalogue.csv")

    async def whole() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    head, *rows = csv.reader(io.StringIO(async_to_sync(whole)().decode()))
    assert len(rows) == 70 and head[0] == "Model" and rows[-1][0] == "model-069" and rows[0][6] == ""


def test_prices_are_written_as_they_are_quoted():
    from decimal import Decimal

    found = [per_million(None if price is None else Decimal(price)) for price in ("0.15", "2.5", "60", "0.0375", None)]
    assert found == ["0.15", "2.50", "60.00", "0.0375", "—"]
