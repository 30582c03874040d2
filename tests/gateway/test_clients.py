"""Clients that nobody here wrote, against a running gateway."""

import json

import openai
import pytest

from providers.sandbox.testing import tool_call

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def client(gateway):
    with openai.OpenAI(
        base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, _strict_response_validation=True
    ) as made:
        yield made


def test_openai_sync(client, primary):
    primary.script("Hello to you")
    answer = client.chat.completions.create(model="auto", messages=HELLO)
    assert answer.choices[0].message.content == "Hello to you" and answer.usage.total_tokens > 0


def test_openai_stream(client, primary):
    primary.script("Hello to you")
    pieces = [c.choices[0].delta.content or "" for c in client.chat.completions.create(
        model="auto", messages=HELLO, stream=True)]  # fmt: skip
    assert "".join(pieces) == "Hello to you"


async def test_openai_async_json_and_stream(gateway, primary):
    primary.script("One", "Two")
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as client:
        answer = await client.chat.completions.create(model="auto", messages=HELLO)
        stream = await client.chat.completions.create(model="auto", messages=HELLO, stream=True)
        text = "".join([c.choices[0].delta.content or "" async for c in stream])
    assert (answer.choices[0].message.content, text) == ("One", "Two")


@pytest.mark.parametrize("stream", [False, True])
def test_openai_tools(client, primary, stream):
    primary.script(tool_call("get_weather", city="Chennai"))
    ask = {"model": "auto", "messages": HELLO, "tools": [TOOL]}
    if stream:
        with client.chat.completions.stream(**ask) as events:
            message = events.get_final_completion().choices[0].message
    else:
        message = client.chat.completions.create(**ask).choices[0].message
    call = message.tool_calls[0]
    assert call.function.name == "get_weather" and json.loads(call.function.arguments) == {"city": "Chennai"}


def test_openai_errors_have_their_classes(gateway, client):
    with pytest.raises(openai.NotFoundError, match="nearest: demo"):
        client.chat.completions.create(model="dmo", messages=HELLO)
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="nr-wrong", max_retries=0).models.list()


def test_openai_lists_models(client):
    assert {"auto", "auto:cheap", "demo"} <= {model.id for model in client.models.list()}


def test_openai_vision(client, primary):
    picture = {"url": "data:image/png;base64,iVBORw0KGgo="}
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": picture}]
    answer = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": parts}])
    assert "image/png" in answer.choices[0].message.content
    assert primary.calls(chats=True)[-1].body["messages"][0]["content"][1]["image_url"] == picture
