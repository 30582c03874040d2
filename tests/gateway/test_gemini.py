"""Gemini behind every surface: tool loops of clients that know nothing of thought signatures, which it demands back."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import anthropic
import httpx
import openai
import pytest

from providers.sandbox.steps import ScriptedCall, Step
from providers.sandbox.testing import Sandbox

from .conftest import provider
from .gateway import Gateway

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"name": "weather", "description": "Weather of a city", "parameters": SCHEMA}
QUESTION = {"role": "user", "content": "What is the weather?"}
CITIES = ("Köln", 'the "Hague"\n')
CALLS = Step(tool_calls=tuple(ScriptedCall("weather", {"city": city}) for city in CITIES))
SKILLS = ["tools", "vision", "json_schema", "json_mode", "reasoning"]


@pytest.fixture(scope="module")
def up(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    with Sandbox.start("gemini") as gemini, Sandbox.start("openai") as other:
        gateway = Gateway.made_from(migrated, tmp_path_factory.mktemp("gemini"))
        gateway.apply(
            {
                "providers": [
                    provider("google", gemini, capabilities=SKILLS, upstream_model="gemini-3-pro"),
                    provider("other", other, capabilities=SKILLS),
                ],
                "policies": [{"name": "google-first", "kind": "ordered", "order": ["google/demo", "other/demo"]}],
                "tenants": [{"name": "team", "keys": [{"name": "ci"}], "default_policy": "google-first"}],
            }
        )
        yield SimpleNamespace(gateway=gateway.start(), gemini=gemini, other=other)
        gateway.stop()


@pytest.fixture(autouse=True)
def _fresh(up) -> None:
    up.gemini.reset()
    up.other.reset()


def signatures(up) -> list[str]:
    """What the last request to Gemini carried."""
    body = json.loads(up.gemini.calls(chats=True)[-1].raw)
    parts = [part for turn in body["contents"] for part in turn["parts"]]
    return [part["thoughtSignature"] for part in parts if "thoughtSignature" in part]


@pytest.mark.parametrize("stream", [False, True])
def test_a_chat_client_ends_a_tool_loop_and_another_upstream_sees_no_signature(up, stream):
    with openai.OpenAI(base_url=f"{up.gateway.url}/v1", api_key=up.gateway.key, max_retries=0) as client:
        up.gemini.script(CALLS, "It rains.")
        asked = {"model": "demo", "tools": [{"type": "function", "function": FUNCTION}]}
        if stream:
            with client.chat.completions.stream(**asked, messages=[QUESTION]) as events:
                message = events.get_final_completion().choices[0].message
        else:
            message = client.chat.completions.create(**asked, messages=[QUESTION]).choices[0].message
        calls = [{"id": c.id, "type": "function", "function": {"name": c.function.name,
                  "arguments": c.function.arguments}} for c in message.tool_calls]  # fmt: skip
        assert [json.loads(call["function"]["arguments"])["city"] for call in calls] == list(CITIES)
        results = [{"role": "tool", "tool_call_id": call["id"], "content": "rain"} for call in calls]
        talk = [QUESTION, {"role": "assistant", "content": None, "tool_calls": calls}, *results]
        assert client.chat.completions.create(**asked, messages=talk).choices[0].message.content == "It rains."
        assert len(signatures(up)) == 1
        client.chat.completions.create(**asked | {"model": "other/demo"}, messages=talk)
        sent = up.other.calls(chats=True)[-1].raw
        assert "gts_" not in sent and signatures(up)[0] not in sent and "Hague" in sent


def test_a_messages_client_ends_a_tool_loop(up):
    with anthropic.Anthropic(base_url=up.gateway.url, api_key=up.gateway.key, max_retries=0) as client:
        up.gemini.script(CALLS, "It rains.")
        tools = [{"name": "weather", "description": "Weather of a city", "input_schema": SCHEMA}]
        asked = {"model": "demo", "tools": tools, "max_tokens": 500}
        with client.messages.stream(**asked, messages=[QUESTION]) as events:
            content = events.get_final_message().content
        uses = [block for block in content if block.type == "tool_use"]
        assert [use.input["city"] for use in uses] == list(CITIES)
        results = [{"type": "tool_result", "tool_use_id": use.id, "content": "rain"} for use in uses]
        talk = [QUESTION, {"role": "assistant", "content": content}, {"role": "user", "content": results}]
        assert client.messages.create(**asked, messages=talk).content[0].text == "It rains."
        assert len(signatures(up)) == 1


def test_a_responses_client_ends_a_tool_loop(up):
    with openai.OpenAI(base_url=f"{up.gateway.url}/v1", api_key=up.gateway.key, max_retries=0) as client:
        up.gemini.script(CALLS, "It rains.")
        asked = {"model": "demo", "tools": [{"type": "function", **FUNCTION, "strict": False}], "store": False}
        output = client.responses.create(**asked, input="What is the weather?").output
        calls = [item for item in output if item.type == "function_call"]
        assert [json.loads(call.arguments)["city"] for call in calls] == list(CITIES)
        results = [{"type": "function_call_output", "call_id": call.call_id, "output": "rain"} for call in calls]
        talk = [QUESTION, *[item.model_dump() for item in output], *results]
        assert client.responses.create(**asked, input=talk).output_text == "It rains."
        assert len(signatures(up)) == 1


def test_gemini_goes_on_with_the_calls_of_another_model(up):
    made = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Pune"}'}}
    talk = [
        QUESTION,
        {"role": "assistant", "content": None, "tool_calls": [made]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
    ]
    up.gemini.script("It rains.")
    tools = [{"type": "function", "function": FUNCTION}]
    answer = up.gateway.chat(model="google/demo", messages=talk, tools=tools)
    assert answer.json()["choices"][0]["message"]["content"] == "It rains."
    assert signatures(up) == ["skip_thought_signature_validator"]


def test_a_messages_client_hears_gemini_count(up):
    with anthropic.Anthropic(base_url=up.gateway.url, api_key=up.gateway.key, max_retries=0) as client:
        few = client.messages.count_tokens(model="google/demo", messages=[QUESTION]).input_tokens
        many = client.messages.count_tokens(model="google/demo", messages=[QUESTION], system="x " * 200).input_tokens
    assert many > few > 0 and up.gemini.calls()[-1].path.endswith(":countTokens")


def test_a_prompt_that_is_blocked_is_told_as_filtered(up):
    up.gemini.script({"fault": "content_filter"})
    choice = up.gateway.chat("Hello", "google/demo").json()["choices"][0]
    assert choice["finish_reason"] == "content_filter" and "blocked" in choice["message"]["refusal"]


def test_gemini_without_its_signatures_would_refuse(up):
    """The loops above prove something only if this holds."""
    up.gemini.script(CALLS, "It rains.")
    url = f"{up.gemini.base_url}/models/gemini-3-pro:generateContent"
    user = {"role": "user", "parts": [{"text": "Weather?"}]}
    tools = [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": SCHEMA}]}]
    key = {"x-goog-api-key": "k"}
    first = httpx.post(url, json={"contents": [user], "tools": tools}, headers=key).json()
    parts = [{"functionCall": p["functionCall"]} for p in first["candidates"][0]["content"]["parts"]]
    results = [{"functionResponse": {"name": "weather", "response": {}} | {"id": p["functionCall"]["id"]}}
               for p in parts]  # fmt: skip
    turns = [user, {"role": "model", "parts": parts}, {"role": "user", "parts": results}]
    assert httpx.post(url, json={"contents": turns, "tools": tools}, headers=key).status_code == 400
