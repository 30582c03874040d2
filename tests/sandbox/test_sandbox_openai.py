"""OpenAI's own SDK, in strict mode, talks to the sandbox: what it accepts is the wire format."""

from collections.abc import Iterator

import openai
import pytest

from providers.sandbox.testing import Sandbox, fault, rate_limited


@pytest.fixture
def client(openai_sandbox: Sandbox) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        api_key="sk-sandbox", base_url=openai_sandbox.base_url, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


def ask(client: openai.OpenAI, text: str = "What is the capital of France?", **more):
    return client.chat.completions.create(model="sandbox-mini", messages=[{"role": "user", "content": text}], **more)


def test_says_what_was_scripted_in_order(client, openai_sandbox):
    openai_sandbox.script("Hello", "there")
    assert [ask(client).choices[0].message.content for _ in range(2)] == ["Hello", "there"]


def test_streams_the_same_text_as_it_answers(client):
    whole = ask(client)
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == whole.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]].count("stop") == 1
    assert chunks[-1].choices == [] and chunks[-1].usage == whole.usage


def test_is_rate_limited_on_demand(client, openai_sandbox):
    openai_sandbox.script(rate_limited(retry_after=2))
    with pytest.raises(openai.RateLimitError) as caught:
        ask(client)
    assert caught.value.response.headers["retry-after"] == "2"
    assert caught.value.code == "rate_limit_exceeded"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("429-quota", openai.RateLimitError),
        ("400", openai.BadRequestError),
        ("401", openai.AuthenticationError),
        ("403", openai.PermissionDeniedError),
        ("404", openai.NotFoundError),
        ("500", openai.InternalServerError),
        ("503", openai.InternalServerError),
        ("529", openai.InternalServerError),
        ("context_length", openai.BadRequestError),
        ("content_filter", openai.BadRequestError),
        ("reset", openai.APIConnectionError),
        ("cut_before", openai.APIConnectionError),
        ("cut_mid", openai.APIConnectionError),
    ],
)
def test_refuses_as_the_sdk_expects(client, openai_sandbox, name, error):
    openai_sandbox.script(fault(name))
    with pytest.raises(error):
        ask(client)
