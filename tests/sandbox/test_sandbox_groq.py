"""Groq's own SDK, in strict mode, talks to the sandbox's Groq."""

from collections.abc import Iterator

import groq
import pytest

from providers.sandbox.testing import fault
from tests.sandbox.flavoured import QUESTION, THINKING, post


@pytest.fixture
def groq_client(flavoured) -> Iterator[groq.Groq]:
    with groq.Groq(
        api_key="gsk-sandbox", base_url=flavoured("groq").url, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


def test_groqs_own_sdk_reads_answers_and_usage(groq_client):
    whole = groq_client.chat.completions.create(model="sandbox-mini", messages=QUESTION)
    chunks = list(groq_client.chat.completions.create(model="sandbox-mini", messages=QUESTION, stream=True))
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert said == whole.choices[0].message.content and whole.x_groq.id.startswith("req_")
    usage = chunks[-1].x_groq.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (whole.usage.prompt_tokens, whole.usage.completion_tokens)
    assert [at for at, chunk in enumerate(chunks) if chunk.x_groq] == [0, len(chunks) - 1]
    assert chunks[0].x_groq.id == chunks[-1].x_groq.id and usage.total_time is not None


def test_groqs_own_sdk_reads_tools_and_thoughts(groq_client, weather_schema):
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": weather_schema}}
    asked = [{"role": "user", "content": "What is the weather in Oslo?"}]
    call = groq_client.chat.completions.create(model="sandbox-mini", messages=asked, tools=[tool]).choices[0]
    assert (call.finish_reason, call.message.tool_calls[0].function.name) == ("tool_calls", "get_weather")
    thought = groq_client.chat.completions.create(messages=QUESTION, **THINKING)
    assert thought.choices[0].message.reasoning
    assert thought.usage.completion_tokens_details.reasoning_tokens > 0


def test_groqs_own_sdk_reads_the_models(groq_client):
    rows = {model.id: model for model in groq_client.models.list().data}
    assert rows["sandbox-mini"].context_window == 128_000


@pytest.mark.parametrize(
    ("name", "error", "status"),
    [("429", groq.RateLimitError, 429), ("401", groq.AuthenticationError, 401), ("529", groq.APIStatusError, 498)],
)
def test_groqs_own_sdk_reads_errors(groq_client, flavoured, name, error, status):
    flavoured("groq").script(fault(name))
    with pytest.raises(error) as caught:
        groq_client.chat.completions.create(model="sandbox-mini", messages=QUESTION)
    assert caught.value.status_code == status and "param" not in caught.value.body["error"]


def test_groqs_own_sdk_reads_an_error_inside_a_stream(groq_client, flavoured):
    flavoured("groq").script(fault("error_in_stream_after"))
    with pytest.raises(groq.APIError, match="Overloaded"):
        list(groq_client.chat.completions.create(model="sandbox-mini", messages=QUESTION, stream=True))


def test_groq_says_what_is_left_and_when_to_come_back(flavoured):
    sandbox = flavoured("groq")
    first, second = (int(post(sandbox).headers["x-ratelimit-remaining-requests"]) for _ in range(2))
    assert second == first - 1
    sandbox.script(fault("429"), fault("429", retry_after=2))
    refused = post(sandbox)
    assert (refused.headers["retry-after"], refused.json()["error"]["type"]) == ("8", "tokens")
    assert refused.headers["x-ratelimit-remaining-tokens"] == "0"
    assert post(sandbox).headers["retry-after"] == "2"
