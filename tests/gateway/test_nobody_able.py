"""What nobody here can do, at whatever time, is refused so that no SDK sends it again: a prompt that is too long as a
400 that clients shorten their conversation by, all else with `x-should-retry: false`."""

import anthropic
import httpx
import openai
import pytest

from .conftest import provider, two_providers

LONG = "word " * 40_000
PICTURE = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]
ASKED = {
    "/v1/chat/completions": ({"messages": [{"role": "user", "content": LONG}]}, "messages"),
    "/v1/responses": ({"input": LONG}, "input"),
    "/v1/embeddings": ({"model": "vectors", "input": LONG}, "input"),
    "/prompt": ({"prompt": LONG}, "prompt"),
}


@pytest.fixture
def small(make_gateway, primary, fallback):
    """`demo` at two small contexts, one of them without tools and pictures, and `vectors`."""
    configuration = two_providers(primary, fallback)
    plain = provider("fallback", fallback, context=16_000, capabilities=["json_mode"])
    embeds = {"model": "vectors", "upstream_model": "sandbox-embed", "capabilities": ["embeddings"], "context": 8000}
    plain["deployments"].append(embeds | {"price": {"input": 1}})
    configuration["providers"] = [provider("primary", primary, context=32_000), plain]
    return make_gateway(configuration)


def test_a_prompt_too_long_for_everybody_is_the_callers_400(small, primary, fallback):
    for path, (body, field) in ASKED.items():
        for stream in (False, True)[: 1 if path == "/v1/embeddings" else 2]:
            asked = {"model": "demo", "stream": stream} | body
            answer = httpx.post(small.url + path, json=asked, headers=small.headers, timeout=10)
            error = answer.json()["error"]
            assert (answer.status_code, error["code"], error["param"]) == (400, "context_length_exceeded", field)
            assert error["message"].startswith(f"{field}: the prompt is too long"), error
            assert "context 8,000 <" in error["message"] or "context 32,000 <" in error["message"]
    assert not primary.calls(chats=True) and not fallback.calls(chats=True)


def test_its_record_says_who_was_too_small(small):
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    answer = small.chat(LONG, "auto", tools=tools)
    error = answer.json()["error"]
    assert error["code"] == "context_length_exceeded" and "fallback/demo" not in error["message"], "it lacks the tools"
    story = small.story(answer.headers["x-request-id"])
    assert story["error"] == {"class": "ContextTooLong", "code": "context_length_exceeded", "status": 400}
    assert story["attempts"] == [] and story["cost"]["usd"] is None
    rules = {each["deployment"]: each["rule"] for each in story["decision"]["excluded"]}
    assert rules == {"primary/demo": "context", "fallback/demo": "capability", "fallback/vectors": "operation"}


def test_anthropics_clients_are_told_that_the_prompt_is_too_long(small):
    told = pytest.raises(anthropic.BadRequestError, match="prompt is too long")
    with anthropic.Anthropic(base_url=small.url, api_key=small.key, max_retries=0) as client, told as caught:
        client.messages.create(model="auto", max_tokens=100, messages=[{"role": "user", "content": LONG}])
    assert caught.value.body["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"model": "fallback/demo", "messages": [{"role": "user", "content": PICTURE}]}, "lacks vision"),
        ({"model": "vectors", "messages": [{"role": "user", "content": "Hello"}]}, "an embedding model cannot chat"),
    ],
)
def test_what_nobody_can_do_is_sent_once(small, fields, why):
    sent: list[int] = []
    heard = httpx.Client(event_hooks={"response": [lambda answer: sent.append(answer.status_code)]})
    told = pytest.raises(openai.InternalServerError, match=why)
    with openai.OpenAI(base_url=f"{small.url}/v1", api_key=small.key, http_client=heard) as client, told as caught:
        client.chat.completions.create(**fields)
    assert caught.value.code == "no_eligible_candidate" and sent == [503]


def test_what_may_be_asked_again_later_says_nothing_of_the_kind(small, primary):
    primary.script({"fault": "401"})
    assert small.chat(model="primary/demo").status_code == 502
    again = small.chat(model="primary/demo")
    assert (again.status_code, again.json()["error"]["code"]) == (503, "no_eligible_candidate")
    assert "x-should-retry" not in again.headers, "somebody may mend the credential"


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_longer_than_one_model_writes_is_asked_of_the_next(make_gateway, primary, fallback, stream):
    configuration = two_providers(primary, fallback)
    for each, name in zip(configuration["providers"], ("sandbox-flash", "sandbox-mini"), strict=True):
        each["deployments"][0]["upstream_model"] = name
    gateway = make_gateway(configuration)
    answer = gateway.chat(model="demo", max_tokens=10_000, stream=stream)
    assert (answer.status_code, answer.headers["x-neuroroute-provider"]) == (200, "fallback")
    story = gateway.story(answer.headers["x-request-id"])
    assert [each["error"] for each in story["attempts"]] == ["UnsupportedByWire", None]
    alone = gateway.chat(model="primary/demo", max_tokens=10_000, stream=stream)
    told = alone.json()["error"]
    assert (alone.status_code, told["code"], told["param"]) == (400, "unsupported_parameter", "max_tokens")
    assert "at most 8192" in told["message"] and gateway.chat(model="primary/demo").status_code == 200, "and stays fit"
