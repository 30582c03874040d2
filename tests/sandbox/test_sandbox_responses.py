"""OpenAI's own SDK, in strict mode, and OpenAI's published schema judge the sandbox's Responses."""

import base64
import json

import httpx
import jsonschema
import openai
import pytest
from pydantic import BaseModel

from providers.sandbox.testing import ScriptedCall, Step, fault, tool_call
from tests.adapters.contract import check
from tests.sandbox.responding import QUESTION, SEALED, WEATHER, ask, told

LONG = "All the facts that matter here. " * 400


@pytest.fixture
def weather(weather_schema):
    return {"type": "function", "name": "get_weather", "parameters": weather_schema, "strict": False}


def bodies(strict_client, **fields) -> list[dict]:
    """What the schema must allow: the JSON answer, or each event of a stream."""
    asked = {"model": "sandbox-large", "input": QUESTION} | fields
    url, headers = f"{strict_client.base_url}responses", {"authorization": "Bearer sk-sandbox"}
    answer = httpx.post(url, json=asked, headers=headers).raise_for_status()
    if not asked.get("stream"):
        return [answer.json()]
    return [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n") if line.startswith("data: ")]


def kinds(events) -> list[str]:
    """The types of events in order; what repeats stands once."""
    names = [event.type.removeprefix("response.") for event in events]
    return [name for at, name in enumerate(names) if at == 0 or name != names[at - 1]]


def test_says_what_was_scripted(strict_client, openai_sandbox):
    openai_sandbox.script("Hello", "there")
    assert [ask(strict_client).output_text for _ in range(2)] == ["Hello", "there"]


def test_streams_the_same_response_as_it_answers(strict_client):
    whole, events = ask(strict_client), told(strict_client)
    last = events[-1].response
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == whole.output_text
    assert (last.output_text, last.usage, last.status) == (whole.output_text, whole.usage, "completed")
    assert "Paris" in last.output_text


def test_events_come_in_order_and_are_numbered(strict_client):
    events = told(strict_client)
    opening = ["created", "in_progress", "output_item.added", "content_part.added", "output_text.delta"]
    assert kinds(events) == [*opening, "output_text.done", "content_part.done", "output_item.done", "completed"]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    item = events[-2].item
    assert {e.item_id for e in events if hasattr(e, "item_id")} == {item.id} and item.id.startswith("msg_")
    assert events[0].response.status == "in_progress" and events[0].response.output == []


def test_hides_the_length_of_deltas_unless_told_not_to(strict_client):
    def noise(**more):
        return [e for e in told(strict_client, **more) if "obfuscation" in (e.model_extra or {})]

    assert noise() and not noise(stream_options={"include_obfuscation": False})


async def test_the_asynchronous_client_streams_too(openai_sandbox):
    openai_sandbox.script("Hello there")
    async with openai.AsyncOpenAI(
        api_key="sk-sandbox", base_url=openai_sandbox.base_url, _strict_response_validation=True
    ) as client:
        stream = await client.responses.create(model="sandbox-mini", input="Hi", stream=True)
        events = [event async for event in stream]
    assert events[-1].response.output_text == "Hello there"


def test_the_streaming_helper_follows(strict_client):
    with strict_client.responses.stream(model="sandbox-mini", input=QUESTION) as stream:
        said = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        assert stream.get_final_response().output_text == said


def test_reads_instructions_and_items(strict_client):
    asked = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "input_text", "text": "My name is Ada."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello Ada"}]},
        {"role": "user", "content": "What is my name?"},
    ]
    answer = ask(strict_client, asked, instructions="Be kind.", metadata={"a": "b"}, temperature=0.5)
    assert "Your name is Ada." in answer.output_text
    assert (answer.instructions, answer.metadata, answer.temperature) == ("Be kind.", {"a": "b"}, 0.5)


def test_calls_a_tool_and_quotes_its_result(strict_client, weather):
    called = ask(strict_client, WEATHER, tools=[weather])
    call = called.output[0]
    assert (call.type, json.loads(call.arguments)) == ("function_call", {"city": "Oslo", "unit": "celsius"})
    asked = [{"role": "user", "content": WEATHER}, *(item.model_dump() for item in called.output)]
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "7 degrees and rain"}
    assert "get_weather says: 7 degrees and rain" in ask(strict_client, [*asked, result], tools=[weather]).output_text


def test_streams_parallel_calls(strict_client, weather):
    events = told(strict_client, "Get the weather in Paris and Tokyo in parallel", tools=[weather])
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
def test_obeys_the_tool_choice(strict_client, weather, choice, called):
    answer = ask(strict_client, "Tell me a story.", tools=[weather], tool_choice=choice)
    assert sum(item.type == "function_call" for item in answer.output) == called


def test_makes_one_call_where_parallel_ones_are_forbidden(strict_client, weather):
    answer = ask(strict_client, "Weather in Paris and Tokyo in parallel", tools=[weather], parallel_tool_calls=False)
    assert len(answer.output) == 1 and answer.parallel_tool_calls is False


def test_tools_of_other_kinds_are_no_fault(strict_client, weather):
    others = [{"type": "web_search"}, {"type": "namespace", "name": "mcp", "description": "", "tools": [weather]}]
    assert "Paris" in ask(strict_client, tools=others).output_text


def test_answers_an_instance_of_the_schema(strict_client, weather_schema):
    form = {"type": "json_schema", "name": "weather", "schema": weather_schema, "strict": True}
    answer = ask(strict_client, "Weather in Rome for 3 days?", text={"format": form})
    jsonschema.validate(json.loads(answer.output_text), weather_schema)


def test_answers_a_pydantic_model(strict_client):
    class Person(BaseModel):
        name: str
        age: int

    parsed = strict_client.responses.parse(model="sandbox-mini", input="Ada is 36 years old.", text_format=Person)
    assert parsed.output_parsed == Person(name="Ada", age=36)


def test_sees_an_image(strict_client, png):
    url = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    parts = [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": url}]
    answer = ask(strict_client, [{"role": "user", "content": parts}])
    assert f"an image (image/png, {len(png)} bytes)" in answer.output_text


def test_ends_at_the_limit_of_tokens(strict_client):
    whole, events = ask(strict_client, max_output_tokens=16), told(strict_client, max_output_tokens=16)
    for answer in (whole, events[-1].response):
        assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")
        assert answer.output[0].status == "incomplete" and answer.usage.output_tokens == 16
    assert events[-1].type == "response.incomplete"


def test_reports_cached_tokens_the_second_time(strict_client):
    first, second = (ask(strict_client, LONG).usage for _ in range(2))
    assert first.input_tokens_details.cached_tokens == 0
    assert second.input_tokens_details.cached_tokens == second.input_tokens == first.input_tokens


def test_thinks_in_secret_unless_a_summary_is_asked_for(strict_client):
    silent = ask(strict_client, reasoning={"effort": "high"})
    thought = silent.output[0]
    assert (thought.type, thought.summary, thought.encrypted_content) == ("reasoning", [], None)
    assert 0 < silent.usage.output_tokens_details.reasoning_tokens < silent.usage.output_tokens
    events = told(strict_client, reasoning={"effort": "high", "summary": "auto"})
    steps = ["reasoning_summary_part.added", "reasoning_summary_text.delta", "reasoning_summary_text.done"]
    assert kinds(events)[2:8] == ["output_item.added", *steps, "reasoning_summary_part.done", "output_item.done"]
    said = "".join(event.delta for event in events if event.type == "response.reasoning_summary_text.delta")
    assert said == events[-1].response.output[0].summary[0].text


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
def test_everything_validates_against_the_published_schema(strict_client, fields, stream):
    for body in bodies(strict_client, stream=stream, **fields):
        check(body, "ResponseStreamEvent" if stream else "Response")


def test_a_failure_validates_too(strict_client, openai_sandbox):
    openai_sandbox.script(fault("error_in_200"), fault("error_in_200"), fault("error_in_stream_after"))
    whole = bodies(strict_client)[0]
    failed, broken = bodies(strict_client, stream=True), bodies(strict_client, stream=True)
    check(whole, "Response")
    assert whole["status"] == "failed" and whole["error"]["code"] == "server_error"
    check(failed[-1], "ResponseFailedEvent")
    check(broken[-1], "ResponseErrorEvent")
    for body in [*failed, *broken]:
        check(body, "ResponseStreamEvent")


def test_the_sdk_sees_both_kinds_of_failure(strict_client, openai_sandbox):
    openai_sandbox.script(fault("error_in_200"), fault("error_in_stream_after", after=2))
    failed, broken = told(strict_client)[-1], told(strict_client)[-1]
    assert (failed.type, failed.response.status) == ("response.failed", "failed")
    assert (broken.type, broken.message) == ("error", "Overloaded")


def test_says_text_and_calls_in_one_answer(strict_client, openai_sandbox):
    openai_sandbox.script(Step(text="One moment.", tool_calls=(ScriptedCall("add", {"a": 1}), ScriptedCall("now"))))
    answer = ask(strict_client)
    assert [item.type for item in answer.output] == ["message", "function_call", "function_call"]
    assert [item.arguments for item in answer.output[1:]] == ['{"a":1}', "{}"]


def test_sends_invalid_arguments_where_it_is_told_to(strict_client, openai_sandbox):
    openai_sandbox.script(Step(tool_calls=(ScriptedCall("add", '{"a": 1'),)), tool_call("add", a=1))
    assert [ask(strict_client).output[0].arguments for _ in range(2)] == ['{"a": 1', '{"a":1}']
