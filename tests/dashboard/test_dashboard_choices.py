"""How a filter is set among thousands of values: typed, helped by a list from the server, or wrong and told so."""

import re
from html import unescape

import pytest
from playwright.sync_api import expect

from providers.models import LanguageModel
from tenants.models import ClientKey, Tenant
from tests.dashboard.browsing import looking
from tests.dashboard.test_dashboard_pages import text_of
from tests.people import browser_of, staff

pytestmark = pytest.mark.django_db
CHOICES = "/dashboard/choices/{}/"


def offered(client, word: str, text: str, **words: str) -> list[str]:
    answer = client.get(CHOICES.format(word), {"q": text, **words})
    assert answer.status_code == 200
    return [unescape(value) for value in re.findall(r'<option value="([^"]*)"', answer.content.decode())]


@pytest.fixture
def many(db: None) -> None:
    """5,000 models and 2,000 keys of two tenants."""
    LanguageModel.objects.bulk_create(LanguageModel(name=f"vendor-{n % 7}/model-{n:04d}") for n in range(5000))
    tenants = [Tenant.objects.create(name=name) for name in ("acme", "rival")]
    ClientKey.objects.bulk_create(
        ClientKey(tenant=tenants[n % 2], name=f"app-{n:04d}", prefix=f"nr-{n:06d}", digest=f"{n:064d}")
        for n in range(2000)
    )


def test_statement_23_of_thousands_the_first_that_fit_come_in_few_queries(
    staff_client, many, django_assert_max_num_queries
):
    for word, text in (("model", "MODEL-4"), ("key", "app-19"), ("model", "")):
        with django_assert_max_num_queries(5):
            found = offered(staff_client, word, text)
        assert len(found) == 20 and all(text.casefold() in one for one in found)
    assert offered(staff_client, "model", "model-4321") == ["vendor-2/model-4321"]
    assert offered(staff_client, "model", "vendor-3/")[0] == "vendor-3/model-0003"
    page = staff_client.get("/dashboard/requests/").content.decode()
    assert page.count("<option") < 50, "a page carries no list of them"


def test_keys_are_found_by_prefix_name_and_tenant_and_none_of_another_tenant(staff_client, many):
    assert offered(staff_client, "key", "nr-000017") == ["rival/app-0017"]
    assert offered(staff_client, "key", "acme/app-0016") == ["acme/app-0016"]
    assert not offered(staff_client, "key", "app-0016", tenant="rival")
    member = browser_of(staff("mia", "viewer", tenants=(Tenant.objects.get(name="acme"),)))
    assert offered(member, "key", "app-0016") == ["acme/app-0016"]
    assert not offered(member, "key", "app-0017") and not offered(member, "key", "rival")
    assert offered(member, "tenant", "") == ["acme"]
    page = member.get("/dashboard/requests/", {"key": str(ClientKey.objects.get(name="app-0017").pk)})
    assert "app-0017" not in page.content.decode() and "No key is called" in text_of(page)


@pytest.mark.parametrize("word", ["id", "prefix", "name"])
def test_a_key_is_a_filter_by_number_prefix_or_name(staff_client, traffic, word):
    tenant = Tenant.objects.create(pk=2, name="team-a")
    key = ClientKey.objects.create(pk=2, tenant=tenant, name="app", prefix="nr-teama", digest="d" * 64)
    value = {"id": str(key.pk), "prefix": key.prefix, "name": "team-a/app"}[word]
    own = [told for told in traffic if told.key_id == key.pk]
    page = staff_client.get("/dashboard/requests/", {"key": value})
    assert f"{len(own)} requests" in text_of(page)
    assert "nr-demo1" not in page.content.decode()
    assert ("key: team-a/app" if word != "prefix" else "key: nr-teama") in text_of(page)


def test_a_value_that_nobody_has_is_said_with_the_nearest(staff_client, many):
    LanguageModel.objects.create(name="gpt-5-mini")
    page = staff_client.get("/dashboard/cost/", {"model": "gpt-5"})
    assert "No model is called “gpt-5”; requests can still name one that was removed. Did you mean gpt-5-mini ?" in (
        text_of(page)
    )
    assert 'href="/dashboard/cost/?model=gpt-5-mini">gpt-5-mini</a>' in page.content.decode()
    for right in ("gpt-5-mini", "-"):
        assert "is called" not in text_of(staff_client.get("/dashboard/cost/", {"model": right}))


def test_what_is_no_filter_has_no_list(staff_client, client):
    assert staff_client.get(CHOICES.format("password")).status_code == 404
    client.logout()
    assert client.get(CHOICES.format("model")).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_typing_offers_picking_filters_and_emptying_removes(chromium, live_server, signed_in, many):
    LanguageModel.objects.create(name="gpt-5-mini")
    with looking(chromium, live_server.url, signed_in) as (page, problems):
        page.goto("/dashboard/requests/")
        field = page.locator("#filter-model")
        field.press_sequentially("5-mi")
        expect(page.locator("#choices-model option")).to_have_count(1)
        assert page.locator("#choices-model option").get_attribute("value") == "gpt-5-mini"
        field.fill("gpt-5-mini")
        field.press("Enter")
        page.wait_for_url("**/requests/?model=gpt-5-mini**")
        assert page.locator(".chips .chip").first.inner_text().startswith("model: gpt-5-mini")
        page.locator("#filter-model").fill("")
        page.locator("#filter-model").press("Enter")
        page.wait_for_url(lambda url: "model=" not in url)
        page.goto("/dashboard/requests/?model=gpt-5-mini")
        page.locator("#filter-model").fill("")
        with page.expect_navigation():
            page.locator("form.controls").evaluate("form => form.submit()")  # by the browser itself, without htmx
        assert page.url.endswith("/requests/?range=24h&tz=UTC"), page.url
        assert not problems
