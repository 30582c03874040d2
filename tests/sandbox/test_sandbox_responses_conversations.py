"""What the sandbox's Responses keep, know again and refuse: stored responses, sealed reasoning, odd items."""

import openai
import pytest

from providers.sandbox.testing import Sandbox
from tests.sandbox.responding import QUESTION, SEALED, WEATHER, ask, told


@pytest.fixture
def weather(weather_schema):
    return {"type": "function", "name": "get_weather", "parameters": weather_schema, "strict": False}


def sealed(strict_client, **more):
    return ask(strict_client, include=SEALED, store=False, reasoning={"effort": "high"}, **more)


def again(answer, **changed) -> list[dict]:
    """The conversation so far and one more question; `changed` alters the reasoning."""
    first, *rest = (item.model_dump(exclude_none=True) for item in answer.output)
    return [{"role": "user", "content": QUESTION}, first | changed, *rest, {"role": "user", "content": "And of Italy?"}]


def test_knows_its_own_reasoning_again(strict_client):
    answer = sealed(strict_client)
    assert ask(strict_client, again(answer), store=False).status == "completed"


def test_the_whole_seal_comes_with_the_end_of_the_item(strict_client):
    events = told(strict_client, include=SEALED, store=False, reasoning={"effort": "high"})
    added, done = (next(e.item for e in events if e.type.endswith(f"item.{word}")) for word in ("added", "done"))
    assert done.encrypted_content.startswith(added.encrypted_content) and len(done.encrypted_content) > 40


@pytest.mark.parametrize("why", ["another content", "another model", "another server"])
def test_refuses_reasoning_of_somebody_else(strict_client, why):
    answer = sealed(strict_client)
    changed = {"encrypted_content": "gAAAAAsomethingelse"} if why == "another content" else {}
    model = "sandbox-mini" if why == "another model" else "sandbox-large"
    with Sandbox.start() as other, pytest.raises(openai.BadRequestError) as caught:
        asked = strict_client.with_options(base_url=other.base_url) if why == "another server" else strict_client
        ask(asked, again(answer, **changed), model=model)
    assert caught.value.code == "invalid_encrypted_content"


def test_goes_on_from_a_stored_response(strict_client):
    first = ask(strict_client, "My name is Ada.")
    second = ask(strict_client, "What is my name?", previous_response_id=first.id)
    assert "Your name is Ada." in second.output_text and second.previous_response_id == first.id
    third = ask(strict_client, "And what is my name now?", previous_response_id=second.id)
    assert third.usage.input_tokens > second.usage.input_tokens


def test_answers_a_tool_call_of_a_stored_response(strict_client, weather):
    first = ask(strict_client, WEATHER, tools=[weather])
    result = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": "rain"}
    assert "says: rain" in ask(strict_client, [result], previous_response_id=first.id, tools=[weather]).output_text


@pytest.mark.parametrize("store", [True, False])
def test_keeps_only_what_it_may(strict_client, store):
    first = ask(strict_client, "My name is Ada.", store=store)
    asked = [{"type": "item_reference", "id": first.output[0].id}, {"role": "user", "content": "Go on."}]
    if store:
        assert ask(strict_client, asked).status == "completed"
        return
    with pytest.raises(openai.NotFoundError, match="Items are not persisted"):
        ask(strict_client, asked)
    with pytest.raises(openai.BadRequestError) as caught:
        ask(strict_client, previous_response_id=first.id)
    assert (caught.value.code, caught.value.param) == ("previous_response_not_found", "previous_response_id")


CALL = {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "call_1"}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "7"}
USER = {"role": "user", "content": "Hi"}
REASONING = {"type": "reasoning", "id": "rs_1", "summary": []}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"input": [OUTPUT]}, "No tool call found"),
        ({"input": [USER, CALL]}, "No tool output found"),
        ({"input": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}, "'input_text', 'input_image'"),
        ({"input": [{"role": "assistant", "content": [{"type": "input_text", "text": "Hi"}]}]}, "'output_text'"),
        ({"input": [{"type": "telepathy"}]}, "Invalid value: 'telepathy'"),
        ({"input": [{"role": "tool", "content": "7"}]}, "Invalid value: 'tool'"),
        ({"input": 7}, "Invalid type for 'input'"),
        ({}, "must be provided"),
        ({"input": "Hi", "max_output_tokens": 5}, "integer below minimum value"),
        ({"input": "Hi", "messages": []}, "Unknown parameter: 'messages'"),
        ({"input": "Hi", "tools": [{"type": "function", "function": {"name": "f"}}]}, "'tools[0].name'"),
        ({"input": "Hi", "tool_choice": {"type": "function", "name": "f"}}, "not found in 'tools'"),
        ({"input": "Hi", "text": {"format": {"type": "json_object"}}}, "the word 'json'"),
        ({"input": "Hi", "text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name"),
    ],
)
def test_refuses_what_openai_refuses(strict_client, fields, words):
    with pytest.raises(openai.BadRequestError) as caught:
        strict_client.post("/responses", body={"model": "sandbox-mini"} | fields, cast_to=object)
    assert words in caught.value.message and caught.value.type == "invalid_request_error"


def test_reasoning_without_what_follows_it_is_refused(strict_client):
    thought = sealed(strict_client).output[0].model_dump(exclude_none=True)
    with pytest.raises(openai.BadRequestError, match="without its required following item"):
        ask(strict_client, [USER, thought])
