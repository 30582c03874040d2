"""What is kept for a person, and what of it never leaves with a link?"""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from dashboard.models import Preferences
from dashboard.preferences import MOST_VIEWS
from tests.dashboard.browsing import looking
from tests.dashboard.downloads import rows_of
from tests.people import browser_of, staff

FORM = {"theme": "dark", "zone": "Asia/Kolkata", "range": "7d", "shortcuts": "on"}


def shown(browser, path: str, **words: str) -> str:
    return unescape(browser.get(path, words).content.decode())


@pytest.mark.django_db
def test_statement_02_an_address_shows_two_people_the_same_page_whatever_each_prefers(staff_client, traffic):
    other = browser_of(staff("ben", "every tenant"))
    assert other.post("/dashboard/settings/", FORM).status_code == 302
    words = {"range": "24h", "tz": "UTC", "provider": "sandbox-openai", "group": "tenant"}
    pages = [shown(one, "/dashboard/cost/", **words) for one in (staff_client, other)]
    panels = [re.search(r'<div class="panels".*</main>', page, re.DOTALL)[0] for page in pages]
    assert panels[0] == panels[1]


@pytest.mark.django_db
def test_statement_07_what_is_usual_to_one_is_in_no_link(staff_client, traffic):
    staff_client.post("/dashboard/settings/", FORM)
    page = shown(staff_client, "/dashboard/cost/")
    assert 'id="range-7d" name="range" value="7d" checked' in page and "UTC+05:30" in page
    main = page[page.index('id="page"') :]
    links = [link for link in re.findall(r'href="(/dashboard/[^"]*)"', main) if "range=custom" not in link]
    assert links and not [link for link in links if "range=" in link or "tz=" in link]


@pytest.mark.django_db
def test_statement_07_a_relative_link_stays_so_and_the_fixed_one_names_the_same_instants(staff_client, traffic):
    page = shown(staff_client, "/dashboard/cost/", range="24h", tz="Asia/Kolkata", provider="sandbox-openai")
    relative, fixed = re.findall(r'href="([^"]+)" data-copy-link', page)
    assert relative == "/dashboard/cost/?range=24h&tz=Asia%2FKolkata&provider=sandbox-openai"
    words = {name: values[0] for name, values in parse_qs(urlsplit(fixed).query).items()}
    assert words["range"] == "custom" and words["from"].endswith("Z") and words["provider"] == "sandbox-openai"
    assert rows_of(staff_client, "cost/cost_groups", **words) == rows_of(
        staff_client, "cost/cost_groups", range="24h", tz="Asia/Kolkata", provider="sandbox-openai"
    )


@pytest.mark.django_db
def test_the_theme_is_in_the_page_itself(staff_client):
    assert '<html lang="en">' in shown(staff_client, "/dashboard/")
    for theme in ("dark", "light"):
        answer = staff_client.post("/dashboard/settings/theme/", {"theme": theme, "back": "/dashboard/cost/?range=7d"})
        assert answer.url == "/dashboard/cost/?range=7d"
        for path in ("/dashboard/", "/dashboard/settings/", "/", "/dashboard/requests/hello/"):
            page = shown(staff_client, path)
            assert f'<html lang="en" data-theme="{theme}">' in page
            assert ("dark.css" in page) == (theme == "dark")
            assert "prefers-color-scheme" not in page
    assert (
        staff_client.post("/dashboard/settings/theme/", {"theme": "", "back": "https://evil.example/"}).url
        == "/dashboard/"
    )


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["theme", "zone", "range"])
def test_a_wrong_choice_is_named_and_nothing_is_kept(staff_client, field):
    answer = staff_client.post("/dashboard/settings/", FORM | {field: "nonsense"})
    assert answer.status_code == 422
    assert f"{field.capitalize()}: 'nonsense' is not" in unescape(answer.content.decode())
    assert not Preferences.objects.exists()


@pytest.mark.django_db
def test_views_are_kept_listed_replaced_and_removed(staff_client, traffic):
    form = {"page": "cost", "name": "Dear ones", "back": "/dashboard/cost/"}
    query = "range=7d&provider=sandbox-openai&cursor=abc&evil=1"
    assert staff_client.post("/dashboard/settings/views/", form | {"query": query}).url == "/dashboard/cost/"
    kept = "/dashboard/cost/?range=7d&provider=sandbox-openai"
    assert f'<a href="{kept}">Dear ones</a>' in shown(staff_client, "/dashboard/cost/")
    assert "Dear ones" not in shown(staff_client, "/dashboard/latency/")
    assert "Dear ones" not in shown(browser_of(staff("ben", "every tenant")), "/dashboard/cost/")
    staff_client.post("/dashboard/settings/views/", form | {"query": "range=30d"})
    assert [view["query"] for view in Preferences.objects.get().views] == ["range=30d"]
    staff_client.post("/dashboard/settings/views/", {"page": "cost", "remove": "Dear ones"})
    assert Preferences.objects.get().views == []


@pytest.mark.django_db
@pytest.mark.parametrize(("page", "name", "said"), [("nowhere", "a", "page='nowhere'"), ("cost", " ", "1 to 60")])
def test_a_view_that_cannot_be_kept_is_refused_in_words(staff_client, page, name, said):
    answer = staff_client.post("/dashboard/settings/views/", {"page": page, "name": name}, follow=True)
    assert said in unescape(answer.content.decode())


@pytest.mark.django_db
def test_views_have_a_most(staff_client):
    for number in range(MOST_VIEWS):
        staff_client.post("/dashboard/settings/views/", {"page": "cost", "name": str(number)})
    answer = staff_client.post("/dashboard/settings/views/", {"page": "cost", "name": "more"}, follow=True)
    assert f"{MOST_VIEWS} views are kept at most" in answer.content.decode()


@pytest.mark.django_db
def test_preferences_cost_a_page_no_query(staff_client, traffic, django_assert_num_queries):
    with django_assert_num_queries(12):
        staff_client.get("/dashboard/")
    staff_client.post("/dashboard/settings/", FORM | {"range": ""})
    with django_assert_num_queries(12):
        staff_client.get("/dashboard/")
    User.objects.get().delete()
    assert not Preferences.objects.exists()


def test_statement_16_the_zone_is_chosen_from_all_there_are(chromium, live_server, signed_in, traffic):
    with looking(chromium, live_server.url, signed_in, timezone_id="America/New_York") as (page, problems):
        page.goto("/dashboard/cost/?range=7d")
        field = page.get_by_label("Zone")
        field.focus()
        expect(page.locator("#zones option").nth(300)).to_be_attached()
        field.fill("Asia/Kolkata")
        field.press("Enter")
        page.wait_for_url("**tz=Asia%2FKolkata")
        expect(page.locator(".head .span")).to_contain_text("UTC+05:30")
        page.get_by_role("button", name="UTC", exact=True).click()
        page.wait_for_url("**/dashboard/cost/?range=7d")
        assert problems == []
