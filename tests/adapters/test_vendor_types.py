"""Would the vendors' own SDKs have sent such a request? Their types read what our adapters write."""

from typing import Any

import pytest
from anthropic.types import MessageParam, OutputConfigParam, ThinkingConfigParam, ToolChoiceParam, ToolParam
from ollama import ChatResponse
from ollama._types import ChatRequest
from pydantic import TypeAdapter

from providers.adapters import adapters
from tests.adapters.examples import sent, target
from tests.adapters.test_ollama_answer import last

CALL = {"id": "a", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
ASKED = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Here"}, PICTURE]},
        {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "a", "content": "sunny"},
    ],
    "tools": [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}],
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
    "reasoning_effort": "high",
    "stop": ["END"],
    "max_tokens": 500,
}


def thinker(wire: str):
    return target(wire, capabilities=frozenset({"reasoning"}), upstream_model="claude-opus-4-6", context=32768)


def test_anthropics_types_read_the_request():
    body = sent(adapters()["anthropic"], thinker("anthropic"), **ASKED, tool_choice="auto", parallel_tool_calls=False)
    parts: list[tuple[Any, Any]] = [(MessageParam, message) for message in body["messages"]]
    parts += [(ToolParam, tool) for tool in body["tools"]]
    parts += [(ToolChoiceParam, body["tool_choice"]), (ThinkingConfigParam, body["thinking"])]
    for kind, part in [*parts, (OutputConfigParam, body["output_config"])]:
        TypeAdapter(kind).validate_python(part)
    assert len(parts) == 6


@pytest.mark.parametrize("stream", [True, False])
def test_ollamas_types_read_the_request(stream):
    read = ChatRequest.model_validate(sent(adapters()["ollama"], thinker("ollama"), **ASKED, stream=stream))
    assert read.messages[1]["images"] == ["iVBORw0KGgo="] and read.options["num_ctx"] == 4096 and read.think is True


def test_the_lines_that_our_tests_feed_are_ollamas():
    assert ChatResponse.model_validate(last()).done_reason == "stop"
