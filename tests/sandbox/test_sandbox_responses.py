"""OpenAI's own SDK, in strict mode, and OpenAI's published schema judge the sandbox's Responses."""

import base64
import json
from collections.abc import Iterator

import httpx
import jsonschema
import openai
import pytest
from pydantic import BaseModel

from providers.sandbox.testing import Sandbox, ScriptedCall, Step, fault, tool_call
from tests.adapters.contract import check

QUESTION = "What is the capital of France?"
WEATHER = "What is the weather in Oslo, in celsius?"
LONG = "All the facts that matter here. " * 400
SEALED = ["reasoning.encrypted_content"]


@pytest.fixture(scope="module")
def connected(running) -> Iterator[openai.OpenAI]:
    base_url = running("openai").base_url
    with openai.OpenAI(
        api_key="sk-sandbox", base_url=base_url, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


@pytest.fixture
def client(connected: openai.OpenAI, openai_sandbox: Sandbox) -> openai.OpenAI:
    return connected


@pytest.fixture
def weather(weather_schema):
    return {"type": "function", "name": "get_weather", "parameters": weather_schema, "strict": False}


def ask(client, asked=QUESTION, *, model="sandbox-large", **more):
    return client.responses.create(model=model, input=asked, **more)


def told(client, asked=QUESTION, **more) -> list:
    return list(ask(client, asked, stream=True, **more))


def bodies(client, **fields) -> list[dict]:
    """What the schema must allow: the JSON answer, or each event of a stream."""
    asked = {"model": "sandbox-large", "input": QUESTION} | fields
    url, headers = f"{client.base_url}responses", {"authorization": "Bearer sk-sandbox"}
    answer = httpx.post(url, json=asked, headers=headers).raise_for_status()
    if not asked.get("stream"):
        return [answer.json()]
    return [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n") if line.startswith("data: ")]


def kinds(events) -> list[str]:
    """The types of events in order; what repeats stands once."""
    names = [event.type.removeprefix("response.") for event in events]
    return [name for at, name in enumerate(names) if at == 0 or name != names[at - 1]]


def test_says_what_was_scripted(client, openai_sandbox):
    openai_sandbox.script("Hello", "there")
    assert [ask(client).output_text for _ in range(2)] == ["Hello", "there"]


def test_streams_the_same_response_as_it_answers(client):
    whole, events = ask(client), told(client)
    last = events[-1].response
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == whole.output_text
    assert (last.output_text, last.usage, last.status) == (whole.output_text, whole.usage, "completed")
    assert "Paris" in last.output_text


def test_events_come_in_order_and_are_numbered(client):
    events = told(client)
    opening = ["created", "in_progress", "output_item.added", "content_part.added", "output_text.delta"]
    assert kinds(events) == [*opening, "output_text.done", "content_part.done", "output_item.done", "completed"]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    item = events[-2].item
    assert {e.item_id for e in events if hasattr(e, "item_id")} == {item.id} and item.id.startswith("msg_")
    assert events[0].response.status == "in_progress" and events[0].response.output == []


def test_hides_the_length_of_deltas_unless_told_not_to(client):
    def noise(**more):
        return [e for e in told(client, **more) if "obfuscation" in (e.model_extra or {})]

    assert noise() and not noise(stream_options={"include_obfuscation": False})


async def test_the_asynchronous_client_streams_too(openai_sandbox):
    openai_sandbox.script("Hello there")
    async with openai.AsyncOpenAI(
        api_key="sk-sandbox", base_url=openai_sandbox.base_url, _strict_response_validation=True
    ) as client:
        stream = await client.responses.create(model="sandbox-mini", input="Hi", stream=True)
        events = [event async for event in stream]
    assert events[-1].response.output_text == "Hello there"


def test_the_streaming_helper_follows(client):
    with client.responses.stream(model="sandbox-mini", input=QUESTION) as stream:
        said = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        assert stream.get_final_response().output_text == said


def test_reads_instructions_and_items(client):
    asked = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "input_text", "text": "My name is Ada."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello Ada"}]},
        {"role": "user", "content": "What is my name?"},
    ]
    answer = ask(client, asked, instructions="Be kind.", metadata={"a": "b"}, temperature=0.5)
    assert "Your name is Ada." in answer.output_text
    assert (answer.instructions, answer.metadata, answer.temperature) == ("Be kind.", {"a": "b"}, 0.5)


def test_calls_a_tool_and_quotes_its_result(client, weather):
    called = ask(client, WEATHER, tools=[weather])
    call = called.output[0]
    assert (call.type, json.loads(call.arguments)) == ("function_call", {"city": "Oslo", "unit": "celsius"})
    asked = [{"role": "user", "content": WEATHER}, *(item.model_dump() for item in called.output)]
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "7 degrees and rain"}
    assert "get_weather says: 7 degrees and rain" in ask(client, [*asked, result], tools=[weather]).output_text


def test_streams_parallel_calls(client, weather):
    events = told(client, "Get the weather in Paris and Tokyo in parallel", tools=[weather])
    parts: dict[str, str] = {}
    for event in events:
        if event.type == "response.function_call_arguments.delta":
            parts[event.item_id] = parts.get(event.item_id, "") + event.delta
    done = [event for event in events if event.type == "response.function_call_arguments.done"]
    assert [json.loads(text)["city"] for text in parts.values()] == ["Paris", "Tokyo"]
    assert [(event.item_id, event.arguments, event.name) for event in done] == [
        (item_id, text, "get_weather") for item_id, text in parts.items()
    ]
    assert len({item.call_id for item in events[-1].response.output}) == 2


@pytest.mark.parametrize(
    ("choice", "called"),
    [("none", 0), ("auto", 0), ("required", 1), ({"type": "function", "name": "get_weather"}, 1)],
)
def test_obeys_the_tool_choice(client, weather, choice, called):
    answer = ask(client, "Tell me a story.", tools=[weather], tool_choice=choice)
    assert sum(item.type == "function_call" for item in answer.output) == called


def test_makes_one_call_where_parallel_ones_are_forbidden(client, weather):
    answer = ask(client, "Weather in Paris and Tokyo in parallel", tools=[weather], parallel_tool_calls=False)
    assert len(answer.output) == 1 and answer.parallel_tool_calls is False


def test_tools_of_other_kinds_are_no_fault(client, weather):
    others = [{"type": "web_search"}, {"type": "namespace", "name": "mcp", "description": "", "tools": [weather]}]
    assert "Paris" in ask(client, tools=others).output_text


def test_answers_an_instance_of_the_schema(client, weather_schema):
    form = {"type": "json_schema", "name": "weather", "schema": weather_schema, "strict": True}
    answer = ask(client, "Weather in Rome for 3 days?", text={"format": form})
    jsonschema.validate(json.loads(answer.output_text), weather_schema)


def test_answers_a_pydantic_model(client):
    class Person(BaseModel):
        name: str
        age: int

    parsed = client.responses.parse(model="sandbox-mini", input="Ada is 36 years old.", text_format=Person)
    assert parsed.output_parsed == Person(name="Ada", age=36)


def test_sees_an_image(client, png):
    url = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    parts = [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": url}]
    assert f"an image (image/png, {len(png)} bytes)" in ask(client, [{"role": "user", "content": parts}]).output_text


def test_ends_at_the_limit_of_tokens(client):
    whole, events = ask(client, max_output_tokens=16), told(client, max_output_tokens=16)
    for answer in (whole, events[-1].response):
        assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")
        assert answer.output[0].status == "incomplete" and answer.usage.output_tokens == 16
    assert events[-1].type == "response.incomplete"


def test_reports_cached_tokens_the_second_time(client):
    first, second = (ask(client, LONG).usage for _ in range(2))
    assert first.input_tokens_details.cached_tokens == 0
    assert second.input_tokens_details.cached_tokens == second.input_tokens == first.input_tokens


def test_thinks_in_secret_unless_a_summary_is_asked_for(client):
    silent = ask(client, reasoning={"effort": "high"})
    thought = silent.output[0]
    assert (thought.type, thought.summary, thought.encrypted_content) == ("reasoning", [], None)
    assert 0 < silent.usage.output_tokens_details.reasoning_tokens < silent.usage.output_tokens
    events = told(client, reasoning={"effort": "high", "summary": "auto"})
    steps = ["reasoning_summary_part.added", "reasoning_summary_text.delta", "reasoning_summary_text.done"]
    assert kinds(events)[2:8] == ["output_item.added", *steps, "reasoning_summary_part.done", "output_item.done"]
    said = "".join(event.delta for event in events if event.type == "response.reasoning_summary_text.delta")
    assert said == events[-1].response.output[0].summary[0].text


def sealed(client, **more):
    return ask(client, include=SEALED, store=False, reasoning={"effort": "high"}, **more)


def again(answer, **changed) -> list[dict]:
    """The conversation so far and one more question; `changed` alters the reasoning."""
    first, *rest = (item.model_dump(exclude_none=True) for item in answer.output)
    return [{"role": "user", "content": QUESTION}, first | changed, *rest, {"role": "user", "content": "And of Italy?"}]


def test_knows_its_own_reasoning_again(client):
    answer = sealed(client)
    assert ask(client, again(answer), store=False).status == "completed"


def test_the_whole_seal_comes_with_the_end_of_the_item(client):
    events = told(client, include=SEALED, store=False, reasoning={"effort": "high"})
    added, done = (next(e.item for e in events if e.type.endswith(f"item.{word}")) for word in ("added", "done"))
    assert done.encrypted_content.startswith(added.encrypted_content) and len(done.encrypted_content) > 40


@pytest.mark.parametrize("why", ["another content", "another model", "another server"])
def test_refuses_reasoning_of_somebody_else(client, why):
    answer = sealed(client)
    changed = {"encrypted_content": "gAAAAAsomethingelse"} if why == "another content" else {}
    model = "sandbox-mini" if why == "another model" else "sandbox-large"
    with Sandbox.start() as other, pytest.raises(openai.BadRequestError) as caught:
        asked = client.with_options(base_url=other.base_url) if why == "another server" else client
        ask(asked, again(answer, **changed), model=model)
    assert caught.value.code == "invalid_encrypted_content"


def test_goes_on_from_a_stored_response(client):
    first = ask(client, "My name is Ada.")
    second = ask(client, "What is my name?", previous_response_id=first.id)
    assert "Your name is Ada." in second.output_text and second.previous_response_id == first.id
    third = ask(client, "And what is my name now?", previous_response_id=second.id)
    assert third.usage.input_tokens > second.usage.input_tokens


def test_answers_a_tool_call_of_a_stored_response(client, weather):
    first = ask(client, WEATHER, tools=[weather])
    result = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": "rain"}
    assert "says: rain" in ask(client, [result], previous_response_id=first.id, tools=[weather]).output_text


@pytest.mark.parametrize("store", [True, False])
def test_keeps_only_what_it_may(client, store):
    first = ask(client, "My name is Ada.", store=store)
    asked = [{"type": "item_reference", "id": first.output[0].id}, {"role": "user", "content": "Go on."}]
    if store:
        assert ask(client, asked).status == "completed"
        return
    with pytest.raises(openai.NotFoundError, match="Items are not persisted"):
        ask(client, asked)
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, previous_response_id=first.id)
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
def test_refuses_what_openai_refuses(client, fields, words):
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/responses", body={"model": "sandbox-mini"} | fields, cast_to=object)
    assert words in caught.value.message and caught.value.type == "invalid_request_error"


def test_reasoning_without_what_follows_it_is_refused(client):
    thought = sealed(client).output[0].model_dump(exclude_none=True)
    with pytest.raises(openai.BadRequestError, match="without its required following item"):
        ask(client, [USER, thought])


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"reasoning": {"effort": "high", "summary": "auto"}, "include": SEALED, "store": False},
        {"max_output_tokens": 16},
        {"instructions": "Be brief.", "metadata": {"a": "b"}, "top_logprobs": 2, "user": "u"},
        {"tools": [{"type": "function", "name": "add", "parameters": {"type": "object"}}], "tool_choice": "required"},
        {"text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}}, "verbosity": "low"}},
    ],
)
def test_everything_validates_against_the_published_schema(client, fields, stream):
    for body in bodies(client, stream=stream, **fields):
        check(body, "ResponseStreamEvent" if stream else "Response")


def test_a_failure_validates_too(client, openai_sandbox):
    openai_sandbox.script(fault("error_in_200"), fault("error_in_200"), fault("error_in_stream_after"))
    whole = bodies(client)[0]
    failed, broken = bodies(client, stream=True), bodies(client, stream=True)
    check(whole, "Response")
    assert whole["status"] == "failed" and whole["error"]["code"] == "server_error"
    check(failed[-1], "ResponseFailedEvent")
    check(broken[-1], "ResponseErrorEvent")
    for body in [*failed, *broken]:
        check(body, "ResponseStreamEvent")


def test_the_sdk_sees_both_kinds_of_failure(client, openai_sandbox):
    openai_sandbox.script(fault("error_in_200"), fault("error_in_stream_after", after=2))
    failed, broken = told(client)[-1], told(client)[-1]
    assert (failed.type, failed.response.status) == ("response.failed", "failed")
    assert (broken.type, broken.message) == ("error", "Overloaded")


def test_says_text_and_calls_in_one_answer(client, openai_sandbox):
    openai_sandbox.script(Step(text="One moment.", tool_calls=(ScriptedCall("add", {"a": 1}), ScriptedCall("now"))))
    answer = ask(client)
    assert [item.type for item in answer.output] == ["message", "function_call", "function_call"]
    assert [item.arguments for item in answer.output[1:]] == ['{"a":1}', "{}"]


def test_sends_invalid_arguments_where_it_is_told_to(client, openai_sandbox):
    openai_sandbox.script(Step(tool_calls=(ScriptedCall("add", '{"a": 1'),)), tool_call("add", a=1))
    assert [ask(client).output[0].arguments for _ in range(2)] == ['{"a": 1', '{"a":1}']
