"""The playground in a real browser, before a real gateway: what streams, what is cut, what it costs, who is asked."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from providers.sandbox.testing import fault
from tests.browsers import Chromium
from tests.gateway.gateway import Gateway, manage

MARKUP = "<script>document.title = 'broken'</script><img src=x onerror=alert(1)> [x](javascript:alert(1))"
LEND = """async () => {
  const csrfmiddlewaretoken = document.querySelector('[name=csrfmiddlewaretoken]').value;
  const body = new URLSearchParams({ tenant: 'team', csrfmiddlewaretoken });
  return (await (await fetch('/dashboard/playground/key/', { method: 'POST', body })).json()).key;
}"""
PEOPLE = "from django.contrib.auth.models import User;User.objects.create_superuser('ana', password='secret of ana')"


@pytest.fixture(scope="module")
def browser(chromium: Chromium) -> Iterator[Callable[..., Page]]:
    with ExitStack() as opened:
        yield lambda **context: opened.enter_context(chromium.context(**context)).new_page()


@pytest.fixture
def troubles() -> list[str]:
    return []


@pytest.fixture(scope="module")
def signed_in(shared_gateway: Gateway, browser: Callable[..., Page]) -> list[Any]:
    """The cookies of an owner."""
    manage(shared_gateway.var, "shell", "-v0", "-c", PEOPLE)
    opened = browser()
    opened.goto(f"{shared_gateway.url}/admin/login/?next=/dashboard/playground/")
    opened.fill("input[name=username]", "ana")
    opened.fill("input[name=password]", "secret of ana")
    opened.press("input[name=password]", "Enter")
    opened.wait_for_url("**/dashboard/playground/")
    return list(opened.context.cookies())


@pytest.fixture
def page(gateway: Gateway, browser: Callable[..., Page], signed_in: list[Any], troubles: list[str]) -> Iterator[Page]:
    """The playground, with two columns: one routed, one fixed."""
    opened = browser(viewport={"width": 1280, "height": 900})
    opened.context.add_cookies(signed_in)
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on("console", lambda said: troubles.append(said.text) if "Content Security" in said.text else None)
    opened.goto(f"{gateway.url}/dashboard/playground/")
    yield opened
    opened.context.close()


def ask(page: Page, prompt: str = "What now?") -> tuple[Locator, Locator]:
    """Run by keyboard alone; both columns."""
    page.get_by_label("Prompt").focus()
    page.keyboard.type(prompt)
    page.keyboard.press("Control+Enter")
    return page.locator("#columns [data-column]").nth(0), page.locator("#columns [data-column]").nth(1)


def one_column(page: Page, prompt: str = "What now?") -> Locator:
    page.get_by_role("button", name="Remove this column").nth(1).click()
    return ask(page, prompt)[0]


def test_two_columns_stream_with_what_they_cost_and_why(gateway, primary, page, troubles):
    primary.script("One, two, three.", "Four, five, six.")
    columns = ask(page)
    for column in columns:
        expect(column.locator("[data-story]")).to_contain_text("0 of 2 filtered")
        expect(column.locator("[data-story]")).to_contain_text(
            "demo at primary, because it was first in the order of primary-first"
        )
        expect(column.locator("[data-story]")).to_contain_text("$0.0000")
        expect(column.get_by_role("status").first).to_have_text("Answered.")
    said = {column.locator("[data-text]").inner_text() for column in columns}
    assert said == {"One, two, three.", "Four, five, six."}
    asked = [call.body for call in primary.calls(chats=True)]
    assert [body["stream"] for body in asked] == [True, True]
    assert [body["messages"] for body in asked] == [[{"role": "user", "content": "What now?"}]] * 2
    columns[0].get_by_role("link", name="The whole decision").click()
    page.wait_for_url("**/dashboard/requests/req_*/")
    expect(page.get_by_text("playground-ana").or_(page.locator("h1")).first).to_be_visible()
    assert troubles == []


def test_a_rating_is_kept_for_the_answer(gateway, primary, page):
    primary.script("Fine.")
    column = one_column(page)
    column.get_by_role("button", name="Bad answer").click()
    expect(column.locator("[data-rated]")).to_have_text("Kept: bad")
    column.get_by_role("button", name="Good answer").click()
    expect(column.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
    expect(column.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "false")
    id_ = column.get_attribute("data-id")
    query = (
        "from feedback.models import Rating; r = Rating.objects.latest('created_at'); print(r.request_id.hex, r.score)"
    )
    assert manage(gateway.var, "shell", "-v0", "-c", query).split() == [id_.removeprefix("req_"), "1.0"]


def test_an_answer_with_markup_is_shown_as_text(primary, page, troubles):
    primary.script(MARKUP)
    column = one_column(page, MARKUP)
    expect(column.locator("[data-text]")).to_have_text(MARKUP)
    assert column.locator("[data-text] *").count() == 0
    assert "Playground" in page.title()
    assert troubles == []


def test_code_between_fences_stands_in_a_block_of_its_own(primary, page):
    primary.script("Like this:\n\n```python\nif a < b:\n    print(a)\n```\n\nThat is all.")
    text = one_column(page).locator("[data-text]")
    expect(text.locator("pre")).to_have_text("if a < b:\n    print(a)")
    expect(text).not_to_contain_text("```")
    expect(text).to_contain_text("That is all.")


def test_a_cut_stream_is_said_to_be_cut(primary, page):
    primary.script(fault("cut_mid", pieces=("The quick ", "brown fox "), after=2))
    column = one_column(page)
    expect(column.get_by_role("alert")).to_contain_text("Cut off: what stands above is not the whole answer.")
    expect(column.get_by_role("alert")).to_contain_text("upstream_interrupted")
    expect(column.locator("[data-text]")).to_have_text("The quick brown fox ")
    expect(column.get_by_role("status").first).to_contain_text("Cut off after")
    expect(column.get_by_role("link", name="The whole decision")).to_be_visible()


def test_an_error_of_the_gateway_is_told_in_words_with_its_code(primary, page):
    primary.script(fault("400"))
    column = one_column(page)
    expect(column.get_by_role("alert")).to_contain_text("HTTP 400")
    expect(column.locator("[data-text]")).to_be_hidden()
    expect(column.locator("[data-rate]")).to_be_hidden()


def test_a_column_is_stopped_and_says_so(primary, page):
    primary.script(fault("slow_tokens", text="slow words " * 40, seconds=0.3))
    column = one_column(page)
    expect(column.locator("[data-text]")).not_to_be_empty()
    column.get_by_role("button", name="Stop", exact=True).click()
    expect(column.get_by_role("status").first).to_contain_text("Stopped by you after")
    expect(column.get_by_role("button", name="Stop", exact=True)).to_be_hidden()


def test_a_key_that_was_replaced_elsewhere_is_replaced_once_more(gateway, primary, page):
    """Another tab of the same person ends this one's key; the next run does not fail of it."""
    primary.script("First.", "Second.")
    column = one_column(page)
    expect(column.locator("[data-text]")).to_have_text("First.")
    expect(column.locator("[data-story]")).to_contain_text("primary")
    assert page.evaluate(LEND)
    page.keyboard.press("Control+Enter")
    expect(column.locator("[data-text]")).to_have_text("Second.")
    count = "from tenants.models import ClientKey; print(ClientKey.objects.exclude(lent_to=None).count())"
    assert manage(gateway.var, "shell", "-v0", "-c", count).strip() == "1"


def test_parameters_and_a_system_text_are_sent(primary, page):
    primary.script("Yes.")
    page.get_by_text("System text").first.click()
    page.get_by_role("textbox", name="System text").fill("Be short.")
    page.get_by_text("Parameters", exact=True).click()
    page.get_by_label("temperature").fill("0.3")
    page.get_by_label("max_tokens").fill("40")
    column = one_column(page)
    expect(column.locator("[data-text]")).to_have_text("Yes.")
    body = primary.calls(chats=True)[-1].body
    assert body["messages"][0] == {"role": "system", "content": "Be short."}
    assert (body["temperature"], body["max_tokens"]) == (0.3, 40)
    assert "top_p" not in body


def test_a_case_is_kept_opened_and_removed(primary, page):
    page.get_by_label("Prompt").fill("Keep me")
    page.get_by_role("button", name="Add a column").click()
    page.get_by_label("Name").fill("mine")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="mine").click()
    expect(page.get_by_label("Prompt")).to_have_value("Keep me")
    assert page.locator("#columns [data-column]").count() == 3
    page.get_by_text("Remove", exact=True).click()
    page.get_by_role("button", name="Remove “mine” for good").click()
    expect(page.get_by_text("Nothing kept yet.")).to_be_visible()


def test_the_code_follows_what_is_typed_and_runs_as_printed(gateway, primary, page):
    primary.script("From a terminal.")
    page.get_by_label("Prompt").fill('It\'s "quoted" \\ and\nbroken')
    page.get_by_role("button", name="Show the code").click()
    expect(page.locator("#curl-1")).to_contain_text("and\\nbroken")
    assert gateway.key not in page.content()
    told = page.locator("#curl-1").inner_text()
    done = run_in_shell(told, gateway)
    assert "From a terminal." in done
    assert primary.calls(chats=True)[-1].body["messages"][0]["content"] == 'It\'s "quoted" \\ and\nbroken'


def run_in_shell(command: str, gateway: Gateway) -> str:
    done = subprocess.run(
        ["bash", "-c", command], env={"PATH": "/usr/bin:/bin", "NEUROROUTE_API_KEY": gateway.key},
        capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    return done.stdout


def test_a_lent_key_asks_and_cannot_operate(gateway, page):
    lent = page.evaluate(LEND)
    headers = {"authorization": f"Bearer {lent}"}
    assert httpx.get(f"{gateway.url}/v1/models", headers=headers).status_code == 200  # at once
    assert httpx.get(f"{gateway.url}/api/admin/tenants", headers=headers).status_code == 403
    assert lent not in page.content()
    assert page.evaluate("JSON.stringify([localStorage, sessionStorage])") == "[{},{}]"


def test_it_fits_a_phone_of_320_pixels_while_it_answers(gateway, primary, page):
    primary.script("word " * 60 + "x" * 200, lasting=True)
    page.set_viewport_size({"width": 320, "height": 640})
    for column in ask(page):
        expect(column.locator("[data-story]")).to_contain_text("primary")
    page.get_by_role("button", name="Show the code").click()
    expect(page.locator("#curl-1")).to_contain_text("What now?")
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    small = page.locator("#playground button:visible, #playground select:visible, #playground summary:visible")
    assert small.evaluate_all("all => all.filter(one => one.getBoundingClientRect().height < 24).length") == 0


def test_without_javascript_it_says_so_and_shows_the_code(gateway, browser, signed_in):
    plain = browser(java_script_enabled=False)
    plain.context.add_cookies(signed_in)
    plain.goto(f"{gateway.url}/dashboard/playground/")
    assert plain.get_by_text("Answers stream in with JavaScript, which is off.").is_visible()
    assert plain.get_by_role("button", name="Run").is_hidden()
    plain.get_by_label("Prompt").fill("By hand")
    plain.get_by_role("button", name="Show the code").click()
    assert "By hand" in plain.locator("#curl-1").inner_text()
