"""The page that begins: upstreams tested when somebody looks, a first key to copy, and its leave from the menu."""

import re
from html import unescape
from pathlib import Path

import pytest
from django.test import Client

from dashboard.examples import examples
from neuroroute.places import BASE_DIR, FIRST_RUN_FILE
from profiling.runner import run_due
from providers.models import Credential, Provider
from providers.sandbox.testing import Sandbox
from providers.secrets import seal
from tenants.models import ClientKey, Tenant
from tests.dashboard.test_dashboard_pages import text_of
from tests.people import browser_of, staff

pytestmark = pytest.mark.django_db(transaction=True)  # a worker reads what was queued
START = "/dashboard/start/"


@pytest.fixture
def owner() -> Client:
    return browser_of(staff("olga", "owner"))


@pytest.fixture
def sandbox():
    with Sandbox.start("openai") as running:
        yield running


def provider_at(sandbox: Sandbox, name: str = "here", *secrets: str) -> Provider:
    row = Provider.objects.create(name=name, wire="openai", base_url=sandbox.base_url, allow_private=True)
    for number, secret in enumerate(secrets):
        Credential.objects.create(provider=row, name=f"key-{number}", ciphertext=seal(secret), last_four=secret[-4:])
    return row


def outcome_of(browser: Client, name: str = "here") -> str:
    answer = browser.post(f"{START}test/{name}/", follow=True)
    assert answer.status_code == 200
    if "hx-get" in answer.content.decode():
        run_due()
        answer = browser.get(answer.request["PATH_INFO"])
    assert "hx-get" not in answer.content.decode()
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def test_a_test_lists_the_models_and_says_how_long_it_took_and_when(owner: Client, sandbox: Sandbox) -> None:
    provider_at(sandbox, "here", "sk-one-of-the-keys-1111")
    said = outcome_of(owner)
    assert re.fullmatch(r"✓ works [\d.]+ ms \d+ models listed, at \d\d:\d\d:\d\d UTC", said), said
    assert [call.path for call in sandbox.calls()] == ["/v1/models"]


def test_while_a_worker_is_at_it_the_line_says_so_and_asks_again(owner: Client, sandbox: Sandbox) -> None:
    provider_at(sandbox)
    answer = owner.post(f"{START}test/here/", follow=True)
    assert "A worker lists the models" in text_of(answer) and 'hx-get="' in answer.content.decode()
    assert sandbox.calls() == [], "the page itself calls nobody"
    assert owner.get(f"{START}tested/999999/").status_code == 404


def test_those_who_look_within_half_a_minute_share_a_test_until_the_provider_is_changed(
    owner: Client, sandbox: Sandbox
) -> None:
    row = provider_at(sandbox)
    assert outcome_of(owner) == outcome_of(browser_of(staff("ben", "operator", "every tenant")))
    assert len(sandbox.calls()) == 1
    row.save()
    outcome_of(owner)
    assert len(sandbox.calls()) == 2


def test_a_server_that_is_not_there_failed_and_says_why_without_a_key(owner: Client, sandbox: Sandbox) -> None:
    Provider.objects.create(name="gone", wire="openai", base_url="http://127.0.0.1:9/v1", allow_private=True)
    Credential.objects.create(
        provider=Provider.objects.get(), name="k", ciphertext=seal("sk-a-key-that-is-secret"), last_four="cret"
    )
    said = outcome_of(owner, "gone")
    assert said.startswith("✕ failed") and "provider not reachable" in said and "sk-a-key" not in said


def test_who_may_not_test_sees_the_button_switched_off_and_hears_why(sandbox: Sandbox) -> None:
    provider_at(sandbox)
    viewer = browser_of(staff("vic", "viewer", "every tenant"))
    assert viewer.post(f"{START}test/here/").status_code == 403 and sandbox.calls() == []


def test_a_provider_that_is_none_or_off_is_not_outcome_of(owner: Client, sandbox: Sandbox) -> None:
    provider_at(sandbox)
    Provider.objects.update(enabled=False)
    for name in ("here", "nobody"):
        assert owner.post(f"{START}test/{name}/").status_code == 404
    assert sandbox.calls() == []


SNIPPET = r'<pre id="(client-(?!key)[\w-]+)"[^>]*>(.*?)</pre>'


def test_a_first_key_is_made_with_one_button_shown_once_and_offered_no_more(owner: Client) -> None:
    tenant = Tenant.objects.create(name="default")
    page = owner.get(START)
    form = re.search(
        r'<form method="post" action="([^"]+)" class="first-key behind">(.*?)</form>', page.content.decode(), re.S
    )
    assert form, "no button"
    typed = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[2]))
    made = owner.post(form[1], typed)
    plain = re.search(r'<pre id="client-key"[^>]*>(nr-\w+)</pre>', made.content.decode())[1]
    key = ClientKey.objects.get()
    assert (key.name, key.tenant, key.prefix) == ("first-key", tenant, plain[: len(key.prefix)])
    assert 'data-copy="client-key"' in made.content.decode()
    lines = {name: unescape(code) for name, code in re.findall(SNIPPET, made.content.decode(), re.S)}
    assert lines.keys() == {f"client-{one.name}" for one in examples("")}
    for name, code in lines.items():
        assert plain in code and ("NEUROROUTE_API_KEY" in code) == (name == "client-codex"), name
    for name in ("client-python", "client-anthropic", "client-langchain"):
        assert "os." not in lines[name] and compile(lines[name], name, "exec")
    assert f"# first, in the shell: export NEUROROUTE_API_KEY={plain}" in lines["client-codex"].splitlines()[0]
    after = owner.get(START).content.decode()
    assert "first-key" not in after and plain not in after and "1 client key in use" in after


def test_a_key_is_offered_once_and_the_first_one_has_its_real_place(owner: Client) -> None:
    Tenant.objects.create(name="default")
    page = owner.get(START)
    step = page.content.decode().partition("How does my application ask?")[2].partition("<details")[0]
    assert step.count("Make a key</") == 1 and "Make another" not in step and "$VAR_DIR" not in step
    place = re.search(r"<code>([^<]*first-run\.env)</code>", step)[1]
    assert (BASE_DIR / place).resolve() == FIRST_RUN_FILE.resolve() and not Path(place).is_absolute()
    viewer = browser_of(staff("vic", "viewer", "every tenant")).get(START).content.decode()
    assert "an owner or an operator makes one for you" in viewer and "first-run.env" not in viewer


def test_it_leaves_the_menu_once_a_request_is_recorded_and_the_list_of_keys_leads_to_it_still(
    owner: Client, request: pytest.FixtureRequest
) -> None:
    def places(address: str) -> tuple[bool, bool]:
        whole = owner.get(address).content.decode()
        menu, keys = whole.split('id="keys"')[0], whole.split('id="keys"')[1]
        return f'href="{START}">Get started' in menu, f'href="{START}">Get started' in keys

    assert places("/dashboard/cost/") == (True, True)
    assert "Waiting for a first request" in text_of(owner.get(START)) and places("/dashboard/cost/") == (True, True)
    request.getfixturevalue("traffic")
    assert "Waiting" not in text_of(owner.get(START)).split("How does my")[0]
    assert places("/dashboard/cost/") == (False, True)
