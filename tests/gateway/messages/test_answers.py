"""What clients of Anthropic's Messages ask and are answered, before upstreams of three wire formats."""

import json

import anthropic
import httpx
import pytest

from providers.sandbox.steps import ScriptedCall, Step
from providers.sandbox.testing import fault, tool_call
from tests.gateway.messages.asking import ASK, PICTURE, SCHEMA, SIGNATURE, THINKING, TOOL, asked, behind, post


@pytest.mark.parametrize("stream", [False, True])
def test_text(client, up, model, stream):
    behind(up, model).script("Hello to you — ü")
    message = asked(client, stream, model=model)
    assert [(b.type, b.text) for b in message.content] == [("text", "Hello to you — ü")]
    assert (message.model, message.stop_reason, message.role) == (model, "end_turn", "assistant")
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 0


async def test_async(up, model):
    behind(up, model).script("One", "Two")
    options = {"base_url": up.gateway.url, "api_key": up.gateway.key, "max_retries": 0}
    async with anthropic.AsyncAnthropic(**options, _strict_response_validation=True) as client:
        whole = await client.messages.create(model=model, **ASK)
        async with client.messages.stream(model=model, **ASK) as events:
            text = "".join([piece async for piece in events.text_stream])
    assert (whole.content[0].text, text) == ("One", "Two")


@pytest.mark.parametrize("stream", [False, True])
def test_parallel_tools_and_their_results(client, up, model, stream):
    calls = (ScriptedCall("get_weather", {"city": "Łódź"}, "toolu_1"), ScriptedCall("get_weather", {}, "toolu_2"))
    behind(up, model).script(Step(text="Let me see", tool_calls=calls), "Both are fine")
    message = asked(client, stream, model=model, tools=[TOOL])
    uses = [(b.name, b.input) for b in message.content if b.type == "tool_use"]
    assert uses == [("get_weather", {"city": "Łódź"}), ("get_weather", {})]
    assert message.stop_reason == "tool_use" and message.content[0].text == "Let me see"
    results = [
        {"type": "tool_result", "tool_use_id": b.id, "content": [{"type": "text", "text": "21 °C"}]}
        for b in message.content[1:]
    ]
    turns = [*ASK["messages"], {"role": "assistant", "content": message.to_dict()["content"]}]
    answer = asked(client, stream, model=model, tools=[TOOL], messages=[*turns, {"role": "user", "content": results}])
    assert answer.content[0].text == "Both are fine"
    assert len({b.id for b in message.content[1:]}) == 2


def test_a_forced_tool_is_named_to_every_upstream(client, up, model):
    behind(up, model).script(tool_call("get_weather", city="Rome"))
    choice = {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True}
    if model == "llama":
        with pytest.raises(anthropic.BadRequestError, match="tool_choice"):
            asked(client, False, model=model, tools=[TOOL], tool_choice=choice)
        return
    assert asked(client, False, model=model, tools=[TOOL], tool_choice=choice).stop_reason == "tool_use"
    sent = behind(up, model).calls(chats=True)[-1].body
    if model == "claude":
        assert sent["tool_choice"] == choice
    else:
        assert sent["tool_choice"] == {"type": "function", "function": {"name": "get_weather"}}
        assert sent["parallel_tool_calls"] is False


@pytest.mark.parametrize("stream", [False, True])
def test_thinking_is_shown_to_those_who_asked(client, up, model, stream):
    behind(up, model).script(*[Step(text="So", reasoning="First, think")] * 2)
    fields = {"model": model, "max_tokens": 4000}
    content = asked(client, stream, **fields, thinking=THINKING).content
    assert [b.type for b in content] == ["thinking", "text"] and content[0].thinking == "First, think"
    assert content[0].signature == (SIGNATURE if model == "claude" else "")
    if model != "claude":
        assert [b.type for b in asked(client, stream, **fields).content] == ["text"]


def test_a_picture_reaches_every_upstream(client, up, model):
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image", "source": PICTURE}]
    message = asked(client, False, model=model, messages=[{"role": "user", "content": parts}])
    assert "image" in message.content[0].text


def test_a_schema_reaches_every_upstream(client, up, model):
    closed = SCHEMA | {"additionalProperties": False}
    config = {"format": {"type": "json_schema", "schema": closed}}
    message = asked(client, False, model=model, output_config=config)
    assert set(json.loads(message.content[0].text)) == {"city"}
    if model == "gpt":
        sent = up.gpt.calls(chats=True)[-1].body["response_format"]["json_schema"]
        assert sent == {"name": "answer", "schema": closed, "strict": True}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("finish", "reason"), [("length", "max_tokens"), ("content_filter", "refusal"), ("stop", "end_turn")]
)
def test_stop_reasons(client, up, stream, finish, reason):
    for model in ("claude", "gpt"):
        behind(up, model).script(Step(text="Some", finish=finish))
        assert asked(client, stream, model=model).stop_reason == reason


@pytest.mark.parametrize("stream", [False, True])
def test_cached_tokens_are_counted_once(client, up, stream):
    counts = {"prompt": 100, "completion": 7, "cached": 80, "reasoning": 0}
    for model in ("claude", "gpt"):
        behind(up, model).script(Step(text="Some", usage=counts))
        usage = asked(client, stream, model=model).usage
        assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (20, 80, 7), model


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
def test_a_prompt_that_was_counted_before_the_cut_is_not_estimated(up, path):
    """Most of a long conversation comes from the cache, at a tenth of the price: whoever leaves pays no more."""
    counts = {"prompt": 90_000, "completion": 700, "cached": 80_000, "reasoning": 0}
    up.claude.script(fault("cut_mid", text="one two three four five six", usage=counts))
    answer = post(up, path, model="claude", stream=True)
    assert answer.status_code == 200 and "broke off" in answer.text
    story = up.gateway.story(answer.headers["x-request-id"])
    usage = story["usage"]
    assert (usage["prompt_tokens"], usage["cached_tokens"], usage["estimated"]) == (90_000, 80_000, True)
    assert 0 < usage["completion_tokens"] < 20, "what arrived of the answer"
    up.gateway.rest()


def test_an_anthropic_upstream_gets_the_body_unchanged_but_for_the_model(up):
    body = (
        '{"model":"both", "max_tokens":9,"context_management":{"edits":[1.50, "\\u00e9"]},'
        '"thinking":{"type":"adaptive"},"neuroroute":{"tags":["x"]},"messages":[{"role":"user","content":[{"type":"text","text":"Hi",'
        '"cache_control":{"type":"ephemeral"}}]}],"metadata":{"user_id":"u"}}'
    )
    headers = {"x-api-key": up.gateway.key, "anthropic-beta": "one,two", "anthropic-version": "2024-01-01"}
    up.claude.script(Step(body=json.dumps(whole("shared")), headers={"content-type": "application/json"}))
    answer = httpx.post(f"{up.gateway.url}/v1/messages?beta=true", content=body, headers=headers, timeout=20)
    assert answer.json() == whole("both"), answer.text
    call = up.claude.calls(chats=True)[-1]
    unchanged = body.replace('"model":"both", ', '"model":"shared",').replace('"neuroroute":{"tags":["x"]},', "")
    assert call.raw == unchanged
    assert (call.headers["anthropic-beta"], call.headers["anthropic-version"]) == ("one,two", "2024-01-01")
    assert call.query == "beta=true"
    assert "x-neuroroute-warnings" not in answer.headers


def whole(model: str) -> dict[str, object]:
    tool = {"type": "tool_use", "id": "toolu_9", "name": "pick", "input": {"model": "shared"}}
    new = {"type": "of_tomorrow", "payload": {"model": "shared"}}
    usage = {"input_tokens": 3, "output_tokens": 4, "service_tier": "standard"}
    message = {"id": "msg_9", "type": "message", "role": "assistant", "model": model, "content": [new, tool]}
    return message | {"stop_reason": "tool_use", "stop_sequence": None, "container": None, "usage": usage}


def test_an_anthropic_stream_passes_event_by_event(up):
    events = [
        ("message_start", '{"type":"message_start","message":{"id":"m","model":"shared","content":[],"x":1.50,'
                          '"type":"message","role":"assistant","usage":{"input_tokens":3,"output_tokens":1}}}'),
        ("ping", '{"type": "ping"}'),
        ("content_block_start", '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'),
        ("content_block_delta", '{"type":"content_block_delta","index":0,'
                                '"delta":{"type":"text_delta","text":"A \\u00e9 é"}}'),
        ("content_block_stop", '{"type":"content_block_stop","index":0 }'),
        ("of_tomorrow", '{"type":"of_tomorrow","model":"shared"}'),
        ("message_delta", '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}'),
        ("message_stop", '{"type":"message_stop"}'),
    ]  # fmt: skip
    lines = "".join(f"event: {name}\ndata: {data}\n\n" for name, data in events)
    up.claude.script(Step(body=lines, headers={"content-type": "text/event-stream"}))
    answer = post(up, model="both", stream=True)
    assert answer.text == lines.replace('"model":"shared","content"', '"model":"both","content"')
    story = up.gateway.story(answer.headers["x-request-id"])
    assert story["status"] == "answered" and story["usage"]["completion_tokens"] == 2


def test_what_others_cannot_carry_is_dropped_with_a_warning(up):
    fields = {
        "top_k": 5, "service_tier": "auto", "tools": [TOOL, {"type": "web_search_20250305", "name": "web_search"}],
        "metadata": {"user_id": "u" * 100}, "system": [{"type": "text", "text": "Be brief"}], "stop_sequences": ["END"],
    }  # fmt: skip
    answer = post(up, model="gpt", **fields)
    assert answer.status_code == 200, answer.text
    warnings = answer.headers["x-neuroroute-warnings"]
    for dropped in ("top_k dropped", "service_tier dropped", "tool web_search_20250305 dropped"):
        assert dropped in warnings
    sent = up.gpt.calls(chats=True)[-1].body
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["get_weather"]
    assert sent["messages"][0] == {"role": "system", "content": "Be brief"} and sent["stop"] == ["END"]
    assert len(sent["user"]) == 64
