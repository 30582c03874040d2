"""Which models does the catalogue page show, and does it stay small however many there are?"""

import csv
import io
import re
from datetime import UTC, datetime
from html import unescape

import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from dashboard.formatting import per_million
from dashboard.panels.catalogue import CataloguePanel
from dashboard.scope import scope_of
from profiling.models import Job
from providers.local_servers import local_servers
from providers.local_servers.asking import Asking
from providers.models import AuditEntry, Deployment, LanguageModel, Provider
from providers.pricerows import BEGINNING, DeploymentPrice
from providers.sandbox.testing import Sandbox
from tests.dashboard.downloads import rows_of
from tests.dashboard.test_dashboard_pages import text_of
from tests.people import browser_of, staff

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


@pytest.mark.parametrize(("sort", "reverse"), [("-context", True), ("context", False), ("-name", True)])
def test_another_order_is_paged_by_place_with_what_is_unknown_last(
    staff_client, acme, sort, reverse, django_assert_max_num_queries
):
    for number in range(120):
        offered(acme, f"model-{number:03}", context=number * 7 % 120 * 1000 if number % 10 else None)
    seen, words = [], {"sort": sort}
    for _ in range(3):
        page = shown(**words)
        seen += page.rows
        words = {"sort": sort, "cursor": page.next.partition("cursor=")[2]}
    by_name = sort.endswith("name")
    values = [row.line.model if by_name else row.line.context for row in seen]
    known = [value for value in values if value is not None]
    assert len({row.line.id for row in seen}) == 120 and not page.next
    assert known == sorted(known, reverse=reverse) and values[: len(known)] == known
    assert len(known) == (120 if by_name else 108)
    with django_assert_max_num_queries(12):
        html = staff_client.get(f"/dashboard/models/?sort={sort}").content.decode()
    assert f'aria-sort="{"de" if reverse else "a"}scending"' in html
    _, *lines = rows_of(staff_client, "models/catalogue", sort=sort)
    assert [line[0] for line in lines] == [row.line.model for row in seen]


def test_models_sort_by_price_requests_and_speed(staff_client, acme, traffic):
    for name, price in (("sandbox-mini", "0.15"), ("dear", "9"), ("free", None)):
        made = offered(acme, name)
        if price:
            DeploymentPrice.objects.create(deployment=made, effective_from=BEGINNING, input=price, output="1")
    named = Provider.objects.create(name="sandbox-openai", wire="openai", base_url="http://127.0.0.1:9/v1")
    for name in ("sandbox-mini", "sandbox-large"):
        offered(named, name)
    assert [row.line.model for row in shown(sort="-price").rows][:2] == ["dear", "sandbox-mini"]
    asked = [row.requests for row in shown(sort="-requests").rows]
    assert asked == sorted(asked, reverse=True) and asked[1] > 0
    assert [row.cost_nano_usd for row in shown(sort="cost").rows][0] == 0
    felt = [row.p50_ms for row in shown(sort="p50").rows]
    assert felt[0] is not None and felt[-1] is None


def test_times_say_which_filters_they_do_not_know_and_are_left_out_of_the_file(staff_client, acme, traffic):
    offered(acme, "only")
    words = {"range": "7d", "policy": "cheap", "key": "1"}
    assert "The time to the first token is counted whatever their policy, key." in text_of(
        staff_client.get("/dashboard/models/", words)
    )
    assert "whatever their" not in text_of(staff_client.get("/dashboard/models/", {"range": "7d", "tenant": "team-a"}))
    head, *_ = rows_of(staff_client, "models/catalogue", **words)
    assert head[-1] == "Requests served"
    assert rows_of(staff_client, "models/catalogue", range="7d")[0][-1] == "First token p50, ms"


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


# What people may do to a line.


def line_of(page: str, model: str) -> str:
    """The row of one model, as it is written."""
    return page.split("<tbody>", 1)[1].split(f">{model}<")[1].split("</tbody>")[0]


def verbs_of(client: Client, model: str) -> dict[str, str]:
    """The verbs of one line: the address of each, or why it is off."""
    row = line_of(client.get("/dashboard/models/").content.decode(), model)
    links = re.findall(r'<a class="button[^"]*" href="([^"]+)">(\w+)<', row)
    off = re.findall(r'disabled title="([^"]+)">(\w+)<', row)
    return {label: address for address, label in links} | {label: why for why, label in off}


def test_each_verb_is_a_page_that_opens_or_says_why_not(staff_client, acme):
    offered(acme, "big")
    off = verbs_of(staff_client, "big")
    assert list(off) == ["Drain", "Test", "Alias", "Price", "Differences"]
    assert all("takes the right" in why and "an owner can give" in why for why in off.values())
    owner = browser_of(staff("olga", "owner"))
    verbs = verbs_of(owner, "big")
    assert [owner.get(address).status_code for address in verbs.values()] == [200] * 5, verbs
    finance = verbs_of(browser_of(staff("fin", "finance", "every tenant")), "big")
    assert finance["Price"].startswith("/dashboard/models/") and "takes the right" in finance["Drain"]


def test_a_deployment_is_taken_out_of_use_and_back(acme):
    row = offered(acme, "big")
    operator = browser_of(staff("olga", "operator", "every tenant"))
    address = verbs_of(operator, "big")["Drain"]
    asked = text_of(operator.get(address))
    assert "Takes acme/big out of use within a second," in asked and "Nobody else serves big" in asked
    assert "Nobody used it in the last hour. 0 requests are running." in asked
    assert operator.post(address, {"reason": "too slow"}).status_code == 302
    row.refresh_from_db()
    assert not row.enabled and operator.get(address).status_code == 409, "it is off already"
    again = verbs_of(operator, "big")["Enable"]
    assert "Takes acme/big back into use within a second: requests may go to it again." in text_of(operator.get(again))
    operator.post(again, {"reason": ""})
    row.refresh_from_db()
    assert row.enabled
    told = AuditEntry.objects.order_by("id").values_list("action", "object_name", "reason", "actor")
    assert list(told) == [("drained", "acme/big", "too slow", "olga"), ("undrained", "acme/big", "", "olga")]
    viewer = browser_of(staff("vic", "viewer", "every tenant"))
    assert [viewer.post(each).status_code for each in (address, again)] == [403, 403]


def test_what_is_loaded_is_asked_once_the_page_stands(staff_client, acme):
    offered(acme, "hosted-one")
    with Sandbox.start("ollama") as upstream:
        local = {"name": "box", "wire": "ollama", "base_url": upstream.base_url, "local": True, "allow_private": True}
        box = Provider.objects.create(**local)
        for name in ("sandbox-local-8b", "sandbox-coder", "gone"):
            offered(box, name)
        with Asking(upstream.base_url) as asking:
            local_servers()["ollama"].load(asking, "sandbox-local-8b")
        upstream.reset()
        page = staff_client.get("/dashboard/models/?range=7d").content.decode()
        assert not upstream.calls(), "the page waits for no server"
        rest = unescape(re.search(r'hx-get="([^"]+catalogue[^"]+)"', page)[1])
        alone = staff_client.get(rest).content.decode()
    assert "</span>in memory<" in line_of(alone, "sandbox-local-8b")
    assert "not in memory" in line_of(alone, "sandbox-coder") and "does not list it" in line_of(alone, "gone")
    assert ">hosted<" in line_of(alone, "hosted-one") and "Asking the local servers" not in alone


def test_an_empty_catalogue_offers_to_look_for_upstreams(staff_client):
    page = text_of(staff_client.get("/dashboard/models/"))
    assert "No model is known yet." in page and "Looking takes the right to add jobs" in page
    assert staff_client.post("/dashboard/models/discover/").status_code == 403
    operator = browser_of(staff("olga", "operator", "every tenant"))
    address = re.search(r'href="([^"]+)">Look for upstreams<', operator.get("/dashboard/models/").content.decode())[1]
    assert "A worker looks for Ollama" in text_of(operator.get(address))
    assert operator.post(address, {"reason": "new box"}).status_code == 302
    (job,) = Job.objects.filter(kind="discovery")
    assert AuditEntry.objects.get(action="asked for").reason == "new box" and job.state == "queued"


def test_the_page_with_its_verbs_keeps_to_twelve_questions(staff_client, acme, django_assert_max_num_queries):
    for number in range(50):
        offered(acme, f"model-{number:03}")
    with django_assert_max_num_queries(12):
        staff_client.get("/dashboard/models/")
