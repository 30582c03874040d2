"""OpenAI's own SDK, in strict mode, talks to the sandbox: what it accepts is the wire format."""

import base64
import json
from collections.abc import Iterator

import jsonschema
import openai
import pytest
from pydantic import BaseModel

from providers.sandbox.testing import Sandbox, fault, rate_limited

LONG = "All the facts that matter here. " * 400


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
    return {"type": "function", "function": {"name": "get_weather", "parameters": weather_schema}}


def ask(client, question="What is the capital of France?", *, model="sandbox-mini", **more):
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": question}], **more)


def text(answer, choice=0):
    return answer.choices[choice].message.content


def test_says_what_was_scripted_in_order(client, openai_sandbox):
    openai_sandbox.script("Hello", "there")
    assert [text(ask(client)) for _ in range(2)] == ["Hello", "there"]


def test_names_itself_a_sandbox_and_the_model_it_plays(client):
    assert text(ask(client)).startswith("Sandbox text, played as sandbox-mini: The capital of France is Paris.")


def test_refuses_more_choices_than_openai_makes(client):
    with pytest.raises(openai.BadRequestError, match="above maximum value") as refused:
        ask(client, n=1_000_000)
    assert (refused.value.param, refused.value.code) == ("n", "integer_above_max_value")


def test_streams_the_same_text_and_usage_as_it_answers(client):
    whole = ask(client)
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == text(whole)
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1] if chunk.choices[0].finish_reason] == ["stop"]
    assert chunks[-1].choices == [] and chunks[-1].usage == whole.usage
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1


def test_sends_no_usage_chunk_unless_asked(client):
    chunks = list(ask(client, stream=True))
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)


def test_ends_at_the_limit_of_tokens_and_counts_them(client):
    answer = ask(client, max_completion_tokens=5)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 5
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 5


def test_ends_before_a_stop_sequence(client):
    answer = ask(client, stop=["Paris", "never said"])
    assert text(answer).endswith("France is ")
    assert answer.choices[0].finish_reason == "stop"


def test_gives_several_choices_the_same_for_the_same_seed(client):
    first, again = (ask(client, n=4, seed=7) for _ in range(2))
    assert [choice.index for choice in first.choices] == [0, 1, 2, 3]
    assert len({text(first, at) for at in range(4)}) > 1
    assert [text(first, at) for at in range(4)] == [text(again, at) for at in range(4)]


def test_streams_several_choices_by_index(client):
    parts = {0: "", 1: ""}
    for chunk in ask(client, n=2, stream=True):
        parts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    whole = ask(client, n=2)
    assert parts == {0: text(whole, 0), 1: text(whole, 1)}


def test_calls_a_tool_with_the_required_arguments_and_quotes_its_result(client, weather):
    question = "What is the weather in Oslo, in celsius?"
    called = ask(client, question, tools=[weather]).choices[0]
    assert called.finish_reason == "tool_calls" and called.message.content is None
    call = called.message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == (
        "get_weather",
        {"city": "Oslo", "unit": "celsius"},
    )
    result = {"role": "tool", "tool_call_id": call.id, "content": "7 degrees and rain"}
    messages = [{"role": "user", "content": question}, called.message.model_dump(exclude_none=True), result]
    answer = client.chat.completions.create(model="sandbox-mini", messages=messages, tools=[weather])
    assert "get_weather says: 7 degrees and rain" in text(answer)


def test_streams_parallel_tool_calls_by_index(client, weather):
    calls: dict[int, dict] = {}
    for chunk in ask(client, "Get the weather in Paris and Tokyo in parallel", tools=[weather], stream=True):
        for piece in chunk.choices[0].delta.tool_calls or []:
            call = calls.setdefault(piece.index, {"id": piece.id, "name": piece.function.name, "arguments": ""})
            call["arguments"] += piece.function.arguments
    assert [json.loads(call["arguments"])["city"] for call in calls.values()] == ["Paris", "Tokyo"]
    assert len({call["id"] for call in calls.values()}) == 2


def test_makes_one_call_where_parallel_ones_are_forbidden(client, weather):
    question = "Get the weather in Paris and Tokyo in parallel"
    answer = ask(client, question, tools=[weather], parallel_tool_calls=False)
    assert len(answer.choices[0].message.tool_calls) == 1


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("none", None),
        ("auto", None),
        ("required", "get_weather"),
        ({"type": "function", "function": {"name": "add"}}, "add"),
    ],
)
def test_obeys_the_tool_choice(client, weather, choice, called):
    add = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}
    message = ask(client, "Tell me a story.", tools=[weather, add], tool_choice=choice).choices[0].message
    assert [call.function.name for call in message.tool_calls or []] == ([called] if called else [])


def test_refuses_a_tool_result_that_answers_nothing(client):
    messages = [{"role": "user", "content": "Hi"}, {"role": "tool", "tool_call_id": "call_1", "content": "7"}]
    with pytest.raises(openai.BadRequestError, match="must be a response to a preceeding message"):
        client.chat.completions.create(model="sandbox-mini", messages=messages)


def test_answers_an_instance_of_the_schema(client, weather_schema):
    wanted = {"type": "json_schema", "json_schema": {"name": "weather", "schema": weather_schema, "strict": True}}
    answer = json.loads(text(ask(client, "Weather in Rome for 3 days?", response_format=wanted)))
    jsonschema.validate(answer, weather_schema)
    assert answer["city"] == "Rome" and answer["days"] == 3


def test_answers_a_pydantic_model(client):
    class Person(BaseModel):
        name: str
        age: int

    messages = [{"role": "user", "content": "Ada is 36 years old."}]
    parsed = client.chat.completions.parse(model="sandbox-mini", messages=messages, response_format=Person)
    assert parsed.choices[0].message.parsed == Person(name="Ada", age=36)


def test_answers_an_object_with_the_keys_that_the_prompt_quotes(client):
    question = "Tell me a joke as JSON with 'setup' and 'punchline' keys."
    answer = json.loads(text(ask(client, question, response_format={"type": "json_object"})))
    assert set(answer) == {"setup", "punchline"}


def test_demands_the_word_json_for_a_json_object(client):
    with pytest.raises(openai.BadRequestError, match="must contain the word 'json'"):
        ask(client, "Tell me a joke.", response_format={"type": "json_object"})


def image_message(png):
    url = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]


def test_sees_an_image(client, png):
    assert f"an image (image/png, {len(png)} bytes)" in text(ask(client, image_message(png)))


def test_refuses_an_image_where_the_model_sees_nothing(client, png):
    with pytest.raises(openai.BadRequestError, match="not supported with this model") as caught:
        ask(client, image_message(png), model="sandbox-flash")
    assert caught.value.type == "invalid_request_error"


def test_reports_cached_tokens_the_second_time(client):
    first, second = (ask(client, LONG).usage for _ in range(2))
    assert first.prompt_tokens_details.cached_tokens == 0
    assert second.prompt_tokens_details.cached_tokens == second.prompt_tokens == first.prompt_tokens


def test_reports_reasoning_tokens(client):
    usage = ask(client, model="sandbox-large", reasoning_effort="high").usage
    assert 0 < usage.completion_tokens_details.reasoning_tokens < usage.completion_tokens


def test_refuses_a_prompt_that_does_not_fit(client):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, "word " * 40_000, model="sandbox-flash")
    assert caught.value.code == "context_length_exceeded"


def test_lists_its_models(client):
    chatting = ["sandbox-large", "sandbox-mini", "sandbox-flash"]
    assert [model.id for model in client.models.list()] == [*chatting, "sandbox-embed"]
    assert client.models.retrieve("sandbox-mini").object == "model"


def test_knows_no_other_model(client):
    with pytest.raises(openai.NotFoundError) as caught:
        ask(client, model="gpt-5")
    assert caught.value.code == "model_not_found"


def test_rejects_a_key_that_says_it_is_invalid(client):
    with pytest.raises(openai.AuthenticationError):
        ask(client.with_options(api_key="sk-invalid"))


def test_is_rate_limited_on_demand(client, openai_sandbox):
    openai_sandbox.script(rate_limited(retry_after=2))
    with pytest.raises(openai.RateLimitError) as caught:
        ask(client)
    assert caught.value.response.headers["retry-after"] == "2"
    assert caught.value.code == "rate_limit_exceeded"


@pytest.mark.parametrize(
    ("name", "error", "code"),
    [
        ("429-quota", openai.RateLimitError, "insufficient_quota"),
        ("400", openai.BadRequestError, None),
        ("401", openai.AuthenticationError, "invalid_api_key"),
        ("403", openai.PermissionDeniedError, "unsupported_country_region_territory"),
        ("404", openai.NotFoundError, "model_not_found"),
        ("500", openai.InternalServerError, None),
        ("503", openai.InternalServerError, None),
        ("529", openai.InternalServerError, "overloaded"),
        ("context_length", openai.BadRequestError, "context_length_exceeded"),
        ("content_filter", openai.BadRequestError, "content_filter"),
    ],
)
def test_refuses_as_the_sdk_expects(client, openai_sandbox, name, error, code):
    openai_sandbox.script(fault(name))
    with pytest.raises(error) as caught:
        ask(client)
    assert caught.value.code == code


@pytest.mark.parametrize("name", ["reset", "cut_before", "cut_mid"])
def test_breaks_the_connection(client, openai_sandbox, name):
    openai_sandbox.script(fault(name))
    with pytest.raises(openai.APIConnectionError):
        ask(client)


def test_sends_an_error_inside_the_stream(client, openai_sandbox):
    openai_sandbox.script(fault("error_in_stream_after", after=2))
    said = []
    with pytest.raises(openai.APIError, match="Overloaded"):
        for chunk in ask(client, stream=True):
            said.append(chunk.choices[0].delta.content)
    assert "".join(said) == "Sandbox text"
