"""A policy that goes on with streams: the text is whole and says nothing twice, the stream is marked, all is paid."""

import sqlite3
from collections.abc import Iterator

import httpx
import pytest

from providers.sandbox.steps import Step
from providers.sandbox.testing import Sandbox, fault, tool_call

from .conftest import two_providers
from .gateway import Gateway, text_of

SAID = "The quick brown fox jumps over the lazy dog and runs home."
CUTS = ["cut_mid", "stall_mid", "eof_no_finish", "error_in_stream_after", "malformed"]


@pytest.fixture(scope="module")
def recovering(migrated, tmp_path_factory, primary_process: Sandbox, fallback_process: Sandbox) -> Iterator[Gateway]:
    configuration = two_providers(primary_process, fallback_process)
    configuration["policies"][0]["recovery"] = True
    for one in configuration["providers"]:
        one["deployments"][0]["timeouts"] |= {"stall": 0.5, "first_token": 1, "first_byte": 1}
    handed = {**configuration["providers"][1]["deployments"][0], "model": "handed", "upstream_model": "demo"}
    handed["capabilities"] = ["prefill"]
    configuration["providers"][1]["deployments"].append(handed)
    order = ["primary/demo", "fallback/handed"]
    configuration["policies"].append({"name": "handing", "kind": "pinned", "order": order, "recovery": True})
    brief = {**handed, "model": "brief", "max_output": 20}
    configuration["providers"][1]["deployments"].append(brief)
    order = ["primary/demo", "fallback/brief"]
    configuration["policies"].append({"name": "brief", "kind": "pinned", "order": order, "recovery": True})
    budgets = [{"usd": 0.02, "period": "total"}]
    configuration["tenants"].append({"name": "poor", "budgets": budgets, "keys": [{"name": "ci"}]})
    gateway = Gateway.made_from(migrated, tmp_path_factory.mktemp("recovering"))
    gateway.apply(configuration)
    yield gateway.start()
    gateway.stop()


@pytest.fixture(autouse=True)
def rested(recovering: Gateway, primary: Sandbox, fallback: Sandbox) -> Iterator[None]:
    """Let the breakers see that the deployments work."""
    yield
    for sandbox in (primary, fallback):
        sandbox.reset()
    for provider in ("primary", "fallback"):
        assert all(recovering.chat("Hello", f"{provider}/demo").status_code == 200 for _ in range(2))


@pytest.mark.parametrize("name", CUTS)
def test_another_goes_on_where_a_stream_broke_off(recovering, primary, fallback, name):
    primary.script(fault(name, text=SAID, after=4))
    fallback.script(SAID)
    answer, events = recovering.events("Hello", "demo", stream_options={"include_usage": True})
    assert text_of(events) == SAID and events[-1] == "[DONE]"
    assert ": x-neuroroute-recovered" in answer.text
    last = next(event for event in events if event != "[DONE]" and event["choices"][0]["finish_reason"])
    assert last["neuroroute"] == {"recovered": True, "by": "fallback/demo"}
    assert len({event["id"] for event in events if event != "[DONE]"}) == 1
    story = recovering.story(answer.headers["x-request-id"])
    first, second = story["attempts"]
    assert (first["status"], second["status"], second["kind"]) == ("interrupted", "answered", "recovery")
    assert story["status"] == "answered" and story["provider"] == "fallback"
    assert float(first["cost_usd"]) > 0 and float(second["cost_usd"]) > 0


def test_the_same_deployment_goes_on_where_there_is_no_other(recovering, primary):
    primary.script(fault("cut_mid", text=SAID, after=4), SAID)
    answer, events = recovering.events("Hello", "primary/demo")
    assert text_of(events) == SAID and events[-1] == "[DONE]"
    assert [a["kind"] for a in recovering.story(answer.headers["x-request-id"])["attempts"]] == ["first", "recovery"]


def test_an_answer_that_says_something_else_is_not_put_together_with_the_first(recovering, primary, fallback):
    primary.script(fault("cut_mid", text=SAID, after=4), "Nothing of the kind.")
    fallback.script("Something else altogether.")
    answer, events = recovering.events("Hello", "demo")
    assert "[DONE]" not in events and events[-1]["error"]["code"] == "upstream_interrupted"
    assert SAID.startswith(text_of(events)) and text_of(events)
    assert recovering.story(answer.headers["x-request-id"])["status"] == "interrupted"


def test_a_model_that_can_is_handed_the_beginning(recovering, primary, fallback):
    primary.script(fault("cut_mid", pieces=("The quick ", "brown fox"), after=1))
    fallback.script("brown fox jumps.")
    _, events = recovering.events("Hello", "auto:handing")
    assert text_of(events) == "The quick brown fox jumps."
    (call,) = fallback.calls(chats=True)
    assert call.body["messages"][-1] == {"role": "assistant", "content": "The quick"}


@pytest.mark.parametrize("refusal", ["400", "no_prefill"])  # in words that name no reason, and in the vendors' words
def test_who_refuses_a_beginning_is_asked_anew(recovering, primary, fallback, refusal):
    primary.script(fault("cut_mid", text=SAID, after=4))
    fallback.script(fault(refusal), SAID)
    answer, events = recovering.events("Hello", "auto:handing")
    assert text_of(events) == SAID and events[-1] == "[DONE]"
    assert len(recovering.story(answer.headers["x-request-id"])["attempts"]) == 3


def test_a_tool_call_that_was_begun_is_never_recovered(recovering, primary, fallback):
    call = tool_call("look", place="Paris")
    primary.script(fault("cut_mid", tool_calls=call.tool_calls, after=1))
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
    _, events = recovering.events("Hello", "demo", tools=tools)
    assert "[DONE]" not in events and events[-1]["error"]["code"] == "upstream_interrupted"
    assert not fallback.calls(chats=True)


def test_what_is_handed_over_is_held_for(recovering, primary, fallback):
    """Who writes 20 tokens at most reads all that was said before, in as many tokens as its own tokenizer makes."""
    said = "word " * 2000
    primary.script(fault("cut_mid", text=said, after=1900, usage={"prompt": 5, "completion": 2000}))
    fallback.script(Step(text="word", usage={"prompt": 9000, "completion": 5}))
    body = {"model": "auto:brief", "stream": True, "max_tokens": 2000, "messages": [{"role": "user", "content": "Go"}]}
    headers = {"authorization": f"Bearer {recovering.keys['poor/ci']}"}
    answer = httpx.post(f"{recovering.url}/v1/chat/completions", json=body, headers=headers, timeout=60)
    assert answer.status_code == 200 and ": x-neuroroute-recovered" in answer.text
    recovering.ship()
    with sqlite3.connect(recovering.var / "neuroroute.sqlite3") as database:
        sql = "SELECT kind, held_nano_usd, cost_nano_usd FROM usage_attemptrecord WHERE prompt_tokens = 9000"
        kind, held, cost = database.execute(sql).fetchone()
    assert kind == "recovery" and held >= cost > 9_000_000
