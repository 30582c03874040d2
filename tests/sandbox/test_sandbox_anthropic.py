"""Anthropic's own SDK, in strict mode, talks to the sandbox: what it accepts is the wire format."""

import base64
import json
from collections.abc import Iterator

import anthropic
import jsonschema
import pytest

from providers.sandbox.testing import Sandbox, fault

LONG = "All the facts that matter here. " * 400


@pytest.fixture(scope="module")
def connected(running) -> Iterator[anthropic.Anthropic]:
    url = running("anthropic").url
    with anthropic.Anthropic(
        api_key="sandbox-key", base_url=url, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


@pytest.fixture
def client(connected: anthropic.Anthropic, anthropic_sandbox: Sandbox) -> anthropic.Anthropic:
    return connected


@pytest.fixture
def weather(weather_schema):
    return {"name": "get_weather", "input_schema": weather_schema}


def asked(question="What is the capital of Japan?", *, model="sandbox-vision", max_tokens=500, **more):
    messages = [{"role": "user", "content": question}]
    return {"model": model, "max_tokens": max_tokens, "messages": messages} | more


def ask(client, question="What is the capital of Japan?", **more):
    return client.messages.create(**asked(question, **more))


def test_answers_as_a_message(client):
    message = ask(client)
    assert message.content[0].text.startswith("Sandbox text, played as sandbox-vision: The capital of Japan is Tokyo.")
    assert (message.stop_reason, message.role, message.model) == ("end_turn", "assistant", "sandbox-vision")


def test_streams_the_same_message_as_it_answers(client):
    whole = ask(client)
    with client.messages.stream(**asked()) as stream:
        kinds = [event.type for event in stream]
        streamed = stream.get_final_message()
    assert (streamed.content[0].text, streamed.usage, streamed.stop_reason) == (
        whole.content[0].text,
        whole.usage,
        "end_turn",
    )
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop"


def test_ends_at_the_limit_of_tokens(client):
    message = ask(client, max_tokens=5)
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 5)


def test_ends_before_a_stop_sequence_and_names_it(client):
    message = ask(client, stop_sequences=["Tokyo"])
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "Tokyo")
    assert message.content[0].text.endswith("Japan is ")


def test_calls_a_tool_and_quotes_its_result(client, weather):
    question = "What is the weather in Oslo, in celsius?"
    called = ask(client, question, tools=[weather])
    use = called.content[0]
    assert (called.stop_reason, use.name, use.input) == ("tool_use", "get_weather", {"city": "Oslo", "unit": "celsius"})
    result = {"type": "tool_result", "tool_use_id": use.id, "content": [{"type": "text", "text": "7 degrees"}]}
    answer = client.messages.create(
        model="sandbox-vision",
        max_tokens=500,
        tools=[weather],
        messages=[
            {"role": "user", "content": question},
            {"role": "assistant", "content": called.content},
            {"role": "user", "content": [result]},
        ],
    )
    assert "get_weather says: 7 degrees" in answer.content[0].text


def test_streams_parallel_tool_calls(client, weather):
    with client.messages.stream(**asked("Weather in Paris and Tokyo in parallel", tools=[weather])) as stream:
        message = stream.get_final_message()
    assert [block.input["city"] for block in message.content] == ["Paris", "Tokyo"]
    assert len({block.id for block in message.content}) == 2


def test_streams_a_tool_without_arguments_as_an_empty_object(client):
    tool = {"name": "ping", "input_schema": {"type": "object", "properties": {}}}
    with client.messages.stream(**asked("Please ping.", tools=[tool])) as stream:
        assert stream.get_final_message().content[0].input == {}


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ({"type": "none"}, []),
        ({"type": "auto"}, []),
        ({"type": "any"}, ["get_weather"]),
        ({"type": "tool", "name": "get_weather"}, ["get_weather"]),
    ],
)
def test_obeys_the_tool_choice(client, weather, choice, called):
    message = ask(client, "Tell me a story.", tools=[weather], tool_choice=choice)
    assert [block.name for block in message.content if block.type == "tool_use"] == called


def test_thinks_with_a_signature(client):
    thinking = {"type": "enabled", "budget_tokens": 1024}
    with client.messages.stream(**asked(model="sandbox-large", max_tokens=2000, thinking=thinking)) as stream:
        message = stream.get_final_message()
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.content[0].thinking and message.content[0].signature


def test_sees_an_image(client, png):
    source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(png).decode()}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    assert f"an image (image/png, {len(png)} bytes)" in ask(client, content).content[0].text
    with pytest.raises(anthropic.BadRequestError, match="vision is not supported"):
        ask(client, content, model="sandbox-coder")


def test_answers_an_instance_of_the_schema(client, weather_schema):
    config = {"format": {"type": "json_schema", "schema": weather_schema}}
    message = ask(client, "Weather in Rome for 3 days?", output_config=config)
    jsonschema.validate(json.loads(message.content[0].text), weather_schema)


def test_counts_cached_tokens_apart_where_the_caller_marks_them(client):
    system = [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}]
    first, second = (ask(client, system=system).usage for _ in range(2))
    assert first.cache_creation_input_tokens == second.cache_read_input_tokens > 1024
    assert first.cache_read_input_tokens == second.cache_creation_input_tokens == 0
    assert first.input_tokens == second.input_tokens < 50
    assert ask(client, LONG).usage.cache_creation_input_tokens == 0


def test_counts_tokens_as_it_bills_them(client):
    messages = [{"role": "user", "content": "What is the capital of Japan?"}]
    counted = client.messages.count_tokens(model="sandbox-vision", messages=messages)
    assert counted.input_tokens == ask(client).usage.input_tokens


def test_lists_its_models(client):
    assert [model.id for model in client.models.list()] == ["sandbox-large", "sandbox-coder", "sandbox-vision"]
    assert client.models.retrieve("sandbox-coder").display_name == "Sandbox Coder"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_tokens": 0}, "max_tokens: Input should be greater"),
        ({"extra_body": {"temperature": 1.5}}, "temperature: range: 0..1"),
        ({"stop_sequences": [" "]}, "non-whitespace"),
        ({"messages": [{"role": "system", "content": "Hi"}]}, "first message must use"),
        ({"messages": [{"role": "user", "content": ""}]}, "non-empty content"),
        ({"extra_body": {"stream_options": {}}}, "stream_options: Extra inputs are not permitted"),
        ({"extra_body": {"messages": "Hi"}}, "should be a valid list"),
        ({"max_tokens": 10_000}, "max_tokens is too large"),
    ],
)
def test_refuses_what_the_vendor_refuses(client, change, message):
    with pytest.raises(anthropic.BadRequestError, match=message) as caught:
        client.messages.create(**asked() | change)
    assert caught.value.type == "invalid_request_error"


def test_refuses_a_tool_use_without_its_result(client):
    use = {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {}}
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [use]},
        {
            "role": "user",
            "content": [{"type": "text", "text": "first"}, {"type": "tool_result", "tool_use_id": "toolu_1"}],
        },
    ]
    with pytest.raises(anthropic.BadRequestError, match="toolu_1"):
        client.messages.create(model="sandbox-vision", max_tokens=50, messages=messages)


def test_demands_the_version_header(client):
    with pytest.raises(anthropic.BadRequestError, match="anthropic-version: header is required"):
        ask(client, extra_headers={"anthropic-version": anthropic.Omit()})


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("429", 429, "rate_limit_error"),
        ("429-quota", 402, "billing_error"),
        ("400", 400, "invalid_request_error"),
        ("401", 401, "authentication_error"),
        ("403", 403, "permission_error"),
        ("404", 404, "not_found_error"),
        ("500", 500, "api_error"),
        ("529", 529, "overloaded_error"),
        ("context_length", 400, "invalid_request_error"),
        ("content_filter", 400, "invalid_request_error"),
    ],
)
def test_refuses_as_the_sdk_expects(client, anthropic_sandbox, name, status, kind):
    anthropic_sandbox.script(fault(name))
    with pytest.raises(anthropic.APIStatusError) as caught:
        ask(client)
    assert (caught.value.status_code, caught.value.type) == (status, kind)


def test_sends_an_error_inside_the_stream(client, anthropic_sandbox):
    anthropic_sandbox.script(fault("error_in_stream_after", after=2))
    said = ""
    with pytest.raises(anthropic.APIStatusError) as caught, client.messages.stream(**asked()) as stream:
        for text in stream.text_stream:
            said += text
    assert said == "Sandbox text" and caught.value.type == "overloaded_error"


def test_refuses_by_the_content_filter_at_the_end(client, anthropic_sandbox):
    anthropic_sandbox.script(fault("content_filter_finish"))
    assert ask(client).stop_reason == "refusal"
