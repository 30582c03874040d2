"""From the start to a first answer, as somebody does it who has just heard of this, statements 36 and 37; then to a
member's own key."""

import re
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browsers import Chromium
from tests.run.installation import Installation, wait_until

PASSWORD = "a heron on one leg"
TESTED = re.compile(r"works\s+[\d.]+ ms\s+\d+ models listed, at \d\d:\d\d:\d\d UTC")
LIMITS = {"requests_per_minute": 60, "requests_per_day": 1000}


@pytest.fixture(scope="module")
def page(chromium: Chromium) -> Iterator[Page]:
    with chromium.context(viewport={"width": 1280, "height": 900}) as opened:
        yield opened.new_page()


@pytest.fixture(scope="module")
def begun(page: Page, running: Installation) -> str:
    """Signed in by the link that the start has printed; the text of the start page before anything was sent."""
    page.goto(re.search(r"Begin here: (\S+)", running.said)[1])
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password confirmation").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/dashboard/start/")
    return page.locator("#main").inner_text()


def heights_of_the_line(page: Page) -> list[float]:
    """Of the line that waits for a first request, on a desk and on a telephone."""
    heights = []
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        heights.append(page.locator("#arrived").evaluate("(line) => line.getBoundingClientRect().height"))
    return heights


def test_statement_36_three_clicks_lead_from_the_start_to_a_decision(begun: str, page: Page) -> None:
    """The link, "Sign in", and this one; no file is edited."""
    waiting = heights_of_the_line(page)
    assert "Who can be asked?" in begun and "Waiting for a first request." in begun
    rows = page.locator(".tested")
    works = rows.filter(has_text=re.compile(r"works\s+[\d.]+ ms .*models listed, at \d\d:\d\d:\d\d UTC"))
    # A worker tests them, after what it does at its start; the page waits for it no more than anybody else.
    expect(works).to_have_count(rows.count(), timeout=30_000)
    assert rows.count() > 0
    page.get_by_role("button", name="Send the first request").click()
    page.locator("#decision").get_by_text("candidates eligible").wait_for()
    assert "Paris" in page.locator("#outcome").inner_text()
    page.get_by_text("Requests arrive.").wait_for()
    assert heights_of_the_line(page) == waiting, "what is about to be pressed moves"
    page.locator("#decision").get_by_role("link", name="The whole decision").click()
    page.wait_for_url("**/dashboard/requests/req_*/")
    expect(page.locator("#drawer-body table").first).to_be_visible()


def test_statement_37_it_waits_for_a_first_request_and_never_after_one(
    begun: str, page: Page, running: Installation
) -> None:
    page.goto(f"{running.url}/dashboard/start/")
    page.get_by_text("Requests arrive.").wait_for()
    assert "Waiting" not in page.locator("#main").inner_text()
    page.goto(f"{running.url}/dashboard/cost/")
    assert page.locator("h1").inner_text() == "Cost"


def test_the_link_works_once(begun: str, page: Page, running: Installation) -> None:
    link = re.search(r"Begin here: (\S+)", running.said)[1]
    stranger = page.context.browser.new_page()
    stranger.goto(link)
    assert "has been used" in stranger.locator("h1").inner_text()
    assert stranger.locator("input[type=password]").count() == 0
    stranger.goto(f"{running.url}/dashboard/")
    assert "/admin/login/" in stranger.url
    stranger.close()


@pytest.fixture(scope="module")
def member(begun: str, page: Page, running: Installation) -> Iterator[Page]:
    """My usage of somebody whom the owner has made a member of the one tenant, which has limits and a budget."""
    (tenant,) = asked(page, "GET", f"{running.url}/api/admin/tenants")["data"]
    limits = {"limits": LIMITS, "budgets": [{"usd": 5, "period": "month"}]}
    asked(page, "PATCH", f"{running.url}/api/admin/tenants/{tenant['id']}", limits)
    mia = {
        "username": "mia",
        "password": PASSWORD,
        "is_staff": True,
        "groups": ["operator"],
        "tenants": [tenant["name"]],
    }
    asked(page, "POST", f"{running.url}/api/admin/users", mia)
    opened = page.context.browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    opened.goto(f"{running.url}/dashboard/usage/")
    opened.fill("input[name=username]", "mia")
    opened.fill("input[name=password]", PASSWORD)
    opened.press("input[name=password]", "Enter")
    opened.wait_for_url("**/dashboard/usage/")
    yield opened
    opened.context.close()


def asked(page: Page, method: str, address: str, body: Any = None) -> dict[str, Any]:
    """What the operator's API answers to who is signed in."""
    token = next(one["value"] for one in page.context.cookies() if one["name"] == "csrftoken")
    headers = {"x-csrftoken": token, "referer": address}
    answer = page.request.fetch(address, method=method, data=body, headers=headers)
    assert answer.ok, answer.text()
    return dict(answer.json())


def limits_on(page: Page) -> dict[str, list[str]]:
    """Used, left, of, resets, by the name of the limit; every one has a bar."""
    rows = page.locator("#panel-usage_left tbody tr")
    assert rows.locator("svg.bar rect").count() == rows.count()
    return {row.locator("th").inner_text().split("\n")[0]: row.locator("td").all_inner_texts() for row in rows.all()}


def models_with(running: Installation, key: str) -> int:
    return httpx.get(f"{running.url}/v1/models", headers={"authorization": f"Bearer {key}"}, timeout=10).status_code


def key_shown(page: Page) -> str:
    """The value of the key that was just made; the page with the list has it no more."""
    value = page.locator("#client-key").inner_text()
    assert page.get_by_text("it is shown this once").is_visible() and value.startswith("nr-")
    curl = page.locator("#client-curl").inner_text()
    done = subprocess.run(["bash", "-c", curl], capture_output=True, text=True, timeout=60, check=True)
    assert "Sandbox text" in done.stdout, done.stdout
    page.get_by_role("link", name="I have copied it").click()
    page.wait_for_url("**/dashboard/usage/")
    assert value not in page.content() and value[:11] in page.content()
    return value


def test_who_started_it_sees_the_usage_of_the_one_tenant_without_belonging_to_it(
    begun: str, page: Page, running: Installation
) -> None:
    page.goto(f"{running.url}/dashboard/usage/")
    assert page.locator("#panel-usage_left .facts dt").count() == 6
    assert "No limit and no budget is set" in page.locator("#panel-usage_left").inner_text()
    assert page.get_by_role("link", name="Make a key").is_visible()


def test_a_member_makes_rotates_and_revokes_a_key_and_sees_what_is_left(member: Page, running: Installation) -> None:
    before = limits_on(member)
    assert set(before) == {"Requests per minute", "Requests per day", "default: $5.00 per month"}
    assert all(re.fullmatch(r"\d+ \w{3} \d\d:\d\d", cells[-1]) for cells in before.values()), before
    assert before["Requests per day"][:3] == ["0.0 %", "1,000", "1,000"]
    assert before["default: $5.00 per month"][:3] == ["0.0 %", "$5.00", "$5.00"]
    member.get_by_role("link", name="Make a key").click()
    member.get_by_label("Name").fill("nightly")
    member.get_by_role("button", name="Make the key").click()
    first = key_shown(member)
    assert limits_on(member)["Requests per day"][:3] == ["0.1 %", "999", "1,000"]
    member.get_by_role("link", name="Rotate nightly").click()
    assert "1 request used it in the last hour" in member.locator(".notice").inner_text()
    member.get_by_label("The old key goes on working for").select_option("1")
    member.get_by_role("button", name="Make the new key").click()
    assert "works until" in member.locator("#main").inner_text()
    second = key_shown(member)
    assert first != second and {models_with(running, key) for key in (first, second)} == {200}
    member.get_by_role("link", name="Revoke nightly", exact=True).click()
    member.get_by_role("button", name="Revoke for good").click()
    member.wait_for_url("**/dashboard/usage/")
    rows = member.locator("#panel-usage_keys tbody tr")
    expect(rows.filter(has_text=second[:11])).to_contain_text("revoked")
    expect(rows.filter(has_text=first[:11])).to_contain_text("active")
    assert wait_until(lambda: models_with(running, second) == 401) and models_with(running, first) == 200


def test_a_key_that_an_operator_gives_to_the_member_works_at_once_and_is_the_member_s_own(
    member: Page, page: Page, running: Installation
) -> None:
    wish = {"tenant": "default", "name": "batch", "owner": "mia"}
    made = asked(page, "POST", f"{running.url}/api/admin/api-keys", wish)
    assert models_with(running, made["key"]) == 200 and made["owner"] == "mia"
    member.reload()
    expect(member.get_by_role("link", name="Rotate batch")).to_be_visible()


def test_the_menu_of_who_is_signed_in_leads_to_the_second_factor(member: Page, running: Installation) -> None:
    member.locator("summary", has_text="mia").click()
    member.get_by_role("link", name="Second factor").click()
    member.wait_for_url("**/admin/second-factor/")
    expect(member.get_by_role("img", name="code").or_(member.locator("#second-factor-form")).first).to_be_visible()
