"""Clients of Anthropic's Messages, before upstreams of three wire formats."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import anthropic
import httpx
import pytest

from providers.sandbox.steps import ScriptedCall, Step
from providers.sandbox.testing import Sandbox, fault, tool_call

from .conftest import provider
from .gateway import Gateway

ASK = {"max_tokens": 500, "messages": [{"role": "user", "content": "Hello"}]}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"name": "get_weather", "description": "Weather of a city", "input_schema": SCHEMA}
PICTURE = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
THINKING = {"type": "enabled", "budget_tokens": 2000}
SIGNATURE = "c2FuZGJveC10aGlua2luZy1zaWduYXR1cmU="
MODELS = ("claude", "gpt", "llama")
PAIRS = ["both", *(f"pair{number}" for number in range(20))]
SKILLS = ["tools", "vision", "json_schema", "json_mode", "reasoning"]


@pytest.fixture(scope="module")
def up(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A gateway with an upstream per wire format, and models that two of them serve, Anthropic's first."""
    with Sandbox.start("anthropic") as claude, Sandbox.start("openai") as gpt, Sandbox.start("ollama") as llama:
        gateway = Gateway.made_from(migrated, tmp_path_factory.mktemp("messages"))
        providers = [
            provider("anthropic", claude, model="claude", capabilities=SKILLS),
            provider("openai", gpt, model="gpt", capabilities=SKILLS),
            provider("ollama", llama, model="llama", capabilities=SKILLS),
        ]
        for at in (0, 1):
            first = providers[at]["deployments"][0]
            providers[at]["deployments"] += [first | {"model": pair, "upstream_model": "shared"} for pair in PAIRS]
        order = [f"{name}/{pair}" for pair in PAIRS for name in ("anthropic", "openai")]
        gateway.apply(
            {
                "providers": providers,
                "policies": [{"name": "claude-first", "kind": "ordered", "order": order}],
                "tenants": [{"name": "team", "keys": [{"name": "ci"}], "default_policy": "claude-first"}],
            }
        )
        yield SimpleNamespace(gateway=gateway.start(), claude=claude, gpt=gpt, llama=llama, pairs=iter(PAIRS[1:]))
        gateway.stop()


@pytest.fixture(autouse=True)
def _fresh(up) -> None:
    for sandbox in (up.claude, up.gpt, up.llama):
        sandbox.reset()


@pytest.fixture
def pair(up) -> str:
    """A model at two upstreams that nobody has seen failing yet."""
    return next(up.pairs)


@pytest.fixture
def client(up) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        base_url=up.gateway.url, api_key=up.gateway.key, max_retries=0, _strict_response_validation=True
    ) as made:
        yield made


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def behind(up, model: str) -> Sandbox:
    return getattr(up, model)


def post(up, path: str = "/v1/messages", headers: dict[str, str] | None = None, **fields: object) -> httpx.Response:
    headers = {"x-api-key": up.gateway.key} if headers is None else headers
    return httpx.post(up.gateway.url + path, json=ASK | fields, headers=headers, timeout=20)


def asked(client, stream: bool, **fields):
    """One message, whole or put together from its stream by the SDK."""
    if not stream:
        return client.messages.create(**ASK | fields)
    with client.messages.stream(**ASK | fields) as events:
        return events.get_final_message()


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


ERRORS = [
    ("401", anthropic.AuthenticationError, "authentication_error"),
    ("404", anthropic.NotFoundError, "not_found_error"),
    ("400", anthropic.BadRequestError, "invalid_request_error"),
]


@pytest.mark.parametrize(("status", "kind", "word"), ERRORS)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_have_their_classes(up, client, status, kind, word, stream):
    wrong = {"401": {"model": "gpt"}, "404": {"model": "gbt"}, "400": {"model": "gpt", "messages": [{"role": 1}]}}
    if status == "401":
        client = client.with_options(api_key="nr-wrong")
    with pytest.raises(kind) as caught:
        asked(client, stream, **wrong[status])
    body = caught.value.body
    assert set(body) == {"type", "error", "request_id"} and set(body["error"]) == {"type", "message"}
    assert body["type"] == "error" and body["error"]["type"] == word
    assert caught.value.request_id == body["request_id"] and body["request_id"].startswith("req_")


def test_errors_outside_the_view_have_anthropics_shape(up):
    url, headers = f"{up.gateway.url}/v1/messages", {"x-api-key": up.gateway.key}
    answers = {
        405: httpx.get(url, headers=headers),
        404: httpx.post(f"{url}/batches", headers=headers),
        413: httpx.post(url, headers=headers, content=b" " * 33 * 1024 * 1024, timeout=20),
    }
    for status, answer in answers.items():
        assert answer.status_code == status, answer.text
        body = answer.json()
        assert body["type"] == "error" and set(body["error"]) == {"type", "message"}, answer.text
        assert body["request_id"] == answer.headers["request-id"] == answer.headers["x-request-id"]
    assert answers[413].json()["error"]["type"] == "request_too_large"


@pytest.mark.parametrize("name", ["cut_mid", "eof_no_finish", "error_in_stream_after"])
def test_a_cut_is_never_success(client, up, model, name):
    behind(up, model).script(fault(name, text="one two three four five"))
    with pytest.raises(anthropic.APIStatusError) as caught, client.messages.stream(model=model, **ASK) as events:
        events.until_done()
    assert caught.value.body["error"]["type"] == "api_error"
    behind(up, model).script(fault(name, text="one two three four five"))
    answer = post(up, model=model, stream=True)
    assert "message_stop" not in answer.text and "event: error\n" in answer.text


@pytest.mark.parametrize("name", ["529", "html", "missing_choices", "error_in_stream_before", "cut_before"])
@pytest.mark.parametrize("stream", [False, True])
def test_fails_over_from_one_form_to_another(client, up, pair, name, stream):
    if name == "error_in_stream_before" and not stream:
        name = "500"
    up.claude.script(fault(name))
    up.gpt.script("From the other")
    message = asked(client, stream, model=pair)
    assert message.content[0].text == "From the other" and message.model == pair


def test_an_upstream_that_ignores_stream_is_made_to_stream(client, up, model):
    if model == "llama":
        pytest.skip("Ollama streams by default: its sandbox has no such fault")
    behind(up, model).script(fault("json_for_stream", text="All at once"))
    assert asked(client, True, model=model).content[0].text == "All at once"


@pytest.mark.parametrize("stream", [False, True])
def test_thinking_binds_a_conversation_to_who_signed_it(client, up, pair, stream):
    up.claude.script(Step(text="Deep", reasoning="Hm"))
    fields = {"model": pair, "max_tokens": 4000, "thinking": THINKING}
    first = asked(client, stream, **fields)
    said = {"role": "assistant", "content": first.to_dict()["content"]}
    turns = [*ASK["messages"], said, {"role": "user", "content": "Go on"}]
    up.claude.script(*[fault("529")] * 2)
    with pytest.raises(anthropic.ServiceUnavailableError, match="overloaded_error"):
        asked(client, stream, **fields, messages=turns)
    assert not up.gpt.calls(chats=True)


def test_thinking_of_another_model_is_left_out(client, up):
    up.gpt.script(Step(text="Deep", reasoning="Hm"))
    fields = {"max_tokens": 4000, "thinking": THINKING}
    said = asked(client, False, model="gpt", **fields).to_dict()["content"]
    assert said[0]["type"] == "thinking"
    turns = [*ASK["messages"], {"role": "assistant", "content": said}, {"role": "user", "content": "Go on"}]
    answer = post(up, model="claude", **fields | {"messages": turns})
    assert answer.status_code == 200, answer.text
    assert up.claude.calls(chats=True)[-1].body["messages"][1]["content"] == said[1:]
    assert answer.headers["x-neuroroute-warnings"] == "thinking of another model dropped"


@pytest.mark.parametrize("model", ["claude", "gpt"])
def test_the_decision_is_explained_to_those_who_ask(up, model):
    explain = {"model": model, "neuroroute": {"explain": True}}
    assert post(up, **explain).json()["routing_metadata"]["attempts"][0]["model"] == model
    stream = post(up, **explain, stream=True).text
    last = stream.split("\n\n")[-2]
    assert last.startswith("event: message_stop\n") and stream.count("message_stop") == 2
    assert json.loads(last.partition("data: ")[2])["routing_metadata"]["attempts"][0]["model"] == model


def test_tokens_are_counted_by_who_can_else_estimated(client, up):
    assert client.messages.count_tokens(model="claude", messages=ASK["messages"]).input_tokens > 0
    assert up.claude.calls()[-1].path.endswith("/messages/count_tokens")
    assert up.claude.calls()[-1].body["model"] == "claude"
    counted = post(up, "/v1/messages/count_tokens", model="both")
    story = up.gateway.story(counted.headers["x-request-id"])
    assert story["status"] == "answered" and float(story["cost"]["usd"]) == 0
    estimated = post(up, "/v1/messages/count_tokens", model="gpt")
    assert estimated.json()["input_tokens"] > 0 and not up.gpt.calls(chats=True)
    assert "estimated" in estimated.headers["x-neuroroute-warnings"]
    assert post(up, "/v1/messages/count_tokens", model="gbt").status_code == 404
    assert post(up, "/v1/messages/count_tokens", headers={}, model="gpt").status_code == 401
