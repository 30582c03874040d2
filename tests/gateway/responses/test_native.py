"""Between a client and an upstream that both speak Responses, bodies pass; what the upstream sealed or keeps binds."""

import json
from typing import Any

import httpx
import pytest

from providers.sandbox.steps import ScriptedCall, Step
from providers.sandbox.testing import fault

from .asking import events_of, post

SEALED = {"include": ["reasoning.encrypted_content"], "store": False, "reasoning": {"effort": "low", "summary": "auto"}}
TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}, "strict": False}
ASKED = {"role": "user", "content": "Look and think."}


def begun(gateway: Any, sandbox: Any, model: str) -> list[dict[str, Any]]:
    """The output of an upstream that thought, sealed its thoughts and called a tool, with the tool's result."""
    sandbox.script(Step(reasoning="Hm.", tool_calls=(ScriptedCall("look", {}),)))
    answer = post(gateway, model=model, input=[ASKED], tools=[TOOL], **SEALED)
    assert answer.status_code == 200, answer.text
    output = answer.json()["output"]
    assert output[0]["type"] == "reasoning" and output[0]["encrypted_content"]
    return [*output, {"type": "function_call_output", "call_id": output[-1]["call_id"], "output": "a cat"}]


def test_the_body_passes_but_for_the_model_and_what_is_for_the_router(gateway, sandboxes):
    settings = {
        "temperature": 0.5,
        "truncation": "auto",
        "prompt_cache_key": "k",
        "safety_identifier": "s",
        "text": {"verbosity": "low"},
        "tools": [{"type": "web_search"}, {"type": "namespace", "name": "n", "description": "d", "tools": [TOOL]}],
        "input": [{"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Bé"}]}, ASKED],
    }
    answer = post(gateway, model="native", neuroroute={"tags": ["x"]}, models=["demo"], **settings)
    assert answer.status_code == 200, answer.text
    call = sandboxes["native"].calls(chats=True)[-1]
    assert call.path == "/v1/responses" and call.body == settings | {"model": "native"}
    assert "x-neuroroute-warnings" not in answer.headers


@pytest.mark.parametrize("streamed", [False, True])
def test_the_answer_passes_but_for_the_model(gateway, sandboxes, streamed):
    sandboxes["native"].script(Step(text="Grüße", fault="wrong_model"), Step(text="Grüße", fault="wrong_model"))
    ours = post(gateway, model="native", input="Hello", stream=streamed)
    body = {"model": "native", "input": "Hello", "stream": streamed}
    theirs = httpx.post(f"{sandboxes['native'].base_url}/responses", json=body, timeout=10)
    assert plain(ours.text, "native") == plain(theirs.text, None)


def plain(text: str, model: str | None) -> list[Any]:
    """What was said, without ids, times and, where `model` is None, the upstream's own model."""
    lines = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith(("data: ", "{"))]
    return [_plain(json.loads(line), model) for line in lines]


def _plain(value: Any, model: str | None) -> Any:
    if isinstance(value, list):
        return [_plain(item, model) for item in value]
    if not isinstance(value, dict):
        return value
    left = ("id", "item_id", "created_at", "completed_at", "obfuscation")
    kept = {name: _plain(item, model) for name, item in value.items() if name not in left}
    return kept | ({"model": model or "native"} if "model" in kept else {})


@pytest.mark.parametrize("model", ["pool", "auto"])
def test_a_conversation_with_sealed_reasoning_stays_where_it_was_sealed(gateway, sandboxes, model):
    """`pool` would be asked of `second` first; only `native` can open what it sealed."""
    said = begun(gateway, sandboxes["native"], "native/pool")
    sandboxes["native"].script("A cat.")
    answer = post(gateway, model=model, input=[ASKED, *said], tools=[TOOL], **SEALED)
    assert answer.headers["x-neuroroute-provider"] == "native", answer.text
    assert sandboxes["native"].calls(chats=True)[-1].body["input"] == [ASKED, *said]


@pytest.mark.parametrize("model", ["second", "demo", "claude"])
def test_sealed_reasoning_reaches_nobody_else(gateway, sandboxes, model):
    said = begun(gateway, sandboxes["native"], "native")
    sandboxes[model].script("A cat.")
    answer = post(gateway, model=model, input=[ASKED, *said], tools=[TOOL], **SEALED)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-neuroroute-provider"] == model
    assert "reasoning" in answer.headers["x-neuroroute-warnings"]
    assert said[0]["encrypted_content"] not in sandboxes[model].calls(chats=True)[-1].raw


def test_reasoning_that_we_wrote_does_not_reach_an_upstream_that_would_look_for_it(gateway, sandboxes):
    sandboxes["demo"].script(Step(text="Four.", reasoning="Hm."))
    said = post(gateway, model="demo", input=[ASKED]).json()["output"]
    assert said[0]["type"] == "reasoning"
    answer = post(gateway, model="native", input=[ASKED, *said, ASKED])
    assert answer.status_code == 200, answer.text
    assert [item.get("type") for item in sandboxes["native"].calls(chats=True)[-1].body["input"]] == [
        None,
        "message",
        None,
    ]


@pytest.mark.parametrize("streamed", [False, True])
def test_going_on_from_an_answer_that_the_upstream_keeps(gateway, sandboxes, streamed):
    first = post(gateway, model="native/pool", input="Hello", stream=streamed)
    response = events_of(first)[-1]["response"] if streamed else first.json()
    again = post(gateway, model="pool", input="And now?", previous_response_id=response["id"])
    assert again.status_code == 200, again.text
    assert again.headers["x-neuroroute-provider"] == "native"
    assert again.json()["previous_response_id"] == response["id"]
    reference = {"type": "item_reference", "id": response["output"][0]["id"]}
    referring = post(gateway, model="pool", input=[reference, ASKED])
    assert referring.status_code == 200, referring.text


@pytest.mark.parametrize("model", ["second", "demo", "claude"])
def test_nobody_else_goes_on_from_it(gateway, model):
    first = post(gateway, model="native", input="Hello").json()
    again = post(gateway, model=model, input="And now?", previous_response_id=first["id"])
    assert again.status_code == 400, again.text
    assert again.json()["error"]["param"] == "previous_response_id"


@pytest.mark.parametrize("name", ["json_for_stream", "crlf", "comments", "split_utf8", "no_usage", "bad_usage"])
def test_odd_streams_of_a_native_upstream(gateway, sandboxes, name):
    sandboxes["native"].script(fault(name, text="Grüße 👩‍💻"))
    events = events_of(post(gateway, model="native", input="Hello", stream=True))
    assert events[-1]["type"] == "response.completed"
    assert events[-1]["response"]["output"][-1]["content"][0]["text"] == "Grüße 👩‍💻"
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


def test_a_stream_instead_of_one_body(gateway, sandboxes):
    sandboxes["native"].script(fault("sse_for_json", text="Grüße"))
    answer = post(gateway, model="native", input="Hello")
    assert answer.status_code == 200 and answer.json()["output"][-1]["content"][0]["text"] == "Grüße"


@pytest.mark.parametrize("name", ["html", "empty", "malformed", "missing_choices", "error_in_200", "context_length"])
def test_odd_answers_of_a_native_upstream_are_errors(gateway, sandboxes, name):
    sandboxes["native"].script(fault(name))
    answer = post(gateway, model="native", input="Hello")
    assert answer.status_code == (400 if name == "context_length" else answer.status_code) >= 400
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_the_record_tells_of_a_native_answer(gateway, sandboxes):
    usage = {"prompt": 50, "completion": 20, "cached": 10, "reasoning": 5}
    sandboxes["native"].script(Step(text="Hello", usage=usage), Step(text="Hello", usage=usage))
    for streamed in (False, True):
        answer = post(gateway, model="native", input="Hello", stream=streamed)
        gateway.ship()
        story = gateway.story(answer.headers["x-neuroroute-request-id"])
        told = {"prompt_tokens": 50, "completion_tokens": 20, "cached_tokens": 10, "reasoning_tokens": 5}
        assert story["usage"] == told | {"estimated": False}
        assert story["attempts"][0]["finish_reason"] == "stop" and story["cost"]["usd"] is not None
