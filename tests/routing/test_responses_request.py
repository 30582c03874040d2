"""What Responses asks of a chat, field by field, and what comes back of the rarer parts of an answer."""

import json
from typing import Any

import msgspec
import pytest

from providers.chat import Answer, ChatRequest, TokenUsage
from routing.surfaces import surfaces
from routing.surfaces.base import Read
from tests.adapters.contract import check

FUNCTION = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
CHAT_FUNCTION = {
    "type": "function",
    "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True},
}
SCHEMA = {"type": "json_schema", "name": "s", "schema": {"type": "object"}, "strict": True}


def read(**body: Any) -> Read:
    return surfaces()["responses"].read(json.dumps({"model": "m", "input": "x", **body}).encode())


def chat(**body: Any) -> dict[str, Any]:
    return dict(msgspec.json.decode(read(**body).raw))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"max_output_tokens": 100}, {"max_completion_tokens": 100}),
        ({"temperature": 0.5, "top_p": 0.1, "stream": True}, {"temperature": 0.5, "top_p": 0.1, "stream": True}),
        ({"top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
        ({"include": ["message.output_text.logprobs"]}, {"logprobs": True}),
        ({"reasoning": {"effort": "high", "summary": "auto"}}, {"reasoning_effort": "high"}),
        ({"text": {"format": {"type": "text"}, "verbosity": "low"}}, {"verbosity": "low"}),
        ({"text": {"format": {"type": "json_object"}}}, {"response_format": {"type": "json_object"}}),
        ({"text": {"format": SCHEMA}}, {"response_format": {"type": "json_schema", "json_schema": SCHEMA}}),
        ({"safety_identifier": "u"}, {"user": "u"}),
        ({"tools": [FUNCTION], "tool_choice": "required"}, {"tools": [CHAT_FUNCTION], "tool_choice": "required"}),
        ({"tool_choice": "auto", "parallel_tool_calls": False}, {}),
        (
            {"tools": [FUNCTION], "parallel_tool_calls": False, "tool_choice": {"type": "function", "name": "f"}},
            {
                "tools": [CHAT_FUNCTION],
                "parallel_tool_calls": False,
                "tool_choice": {"type": "function", "function": {"name": "f"}},
            },
        ),
        (
            {
                "tools": [FUNCTION, FUNCTION | {"name": "g"}],
                "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [{"name": "f"}]},
            },
            {"tools": [CHAT_FUNCTION], "tool_choice": "required"},
        ),
        ({"metadata": {"a": "b"}, "store": False, "stream_options": {"include_obfuscation": False}}, {}),
    ],
)
def test_a_field_becomes_the_chats(asked, said):
    said = json.loads(json.dumps(said))
    if "response_format" in said and "json_schema" in said["response_format"]:
        del said["response_format"]["json_schema"]["type"]
    assert chat(**asked) == {"model": "m", "messages": [{"role": "user", "content": "x"}]} | said
    assert read(**asked).warnings == ()


def test_what_the_system_says_first_is_one_message():
    parts = [{"type": "input_text", "text": "Two"}, {"type": "input_text", "text": "Three"}]
    items = [
        {"role": "developer", "content": parts},
        {"role": "user", "content": "x"},
        {"role": "system", "content": "4"},
    ]
    messages = chat(instructions="One", input=items)["messages"]
    assert [message["content"] for message in messages] == ["One\n\nTwo\n\nThree", "x", "4"]
    assert [message["role"] for message in messages] == ["system", "user", "system"]


def test_a_turn_is_one_message_and_its_results_follow_at_once():
    items = [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "sealed"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "message", "role": "assistant", "content": "And again."},
        {"type": "function_call", "call_id": "b", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "1"},
        {"type": "function_call_output", "call_id": "b", "output": "2"},
    ]
    asked = read(input=items)
    turn, *results = msgspec.json.decode(asked.raw)["messages"]
    assert turn["content"] == "I look.\n\nAnd again." and [call["id"] for call in turn["tool_calls"]] == ["a", "b"]
    assert [(result["tool_call_id"], result["content"]) for result in results] == [("a", "1"), ("b", "2")]
    assert asked.marks == ("rs_1", "sealed", "a", "b")


def test_names_that_are_too_long_or_taken_stay_apart():
    inner = FUNCTION | {"name": "n" * 40}
    spaces = [{"type": "namespace", "name": "s" * 40, "tools": [inner, inner | {"name": "n" * 41}]}]
    spaces += [{"type": "namespace", "name": "a", "tools": [FUNCTION | {"name": "b"}]}]
    tools = [FUNCTION | {"name": "a__b"}, *spaces]
    names = [tool["function"]["name"] for tool in chat(tools=tools)["tools"]]
    assert len(set(names)) == 4 and all(len(name) <= 64 for name in names)


def test_files_that_only_an_upstream_of_responses_can_get_say_so():
    data = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}
    assert read(input=[{"role": "user", "content": [data]}]).needs == frozenset()
    for part in ({"type": "input_file", "file_url": "https://x/a.pdf"}, {"type": "input_image", "file_id": "file-1"}):
        assert read(input=[{"role": "user", "content": [part]}]).needs == {"responses"}


def whole(message: dict[str, Any], finish: str = "stop", logprobs: Any = None, **asked: Any) -> dict[str, Any]:
    """The response that a chat's whole answer becomes."""
    raw = json.dumps({"model": "m", "input": "x", **asked}).encode()
    got = surfaces()["responses"].read(raw)
    request = ChatRequest(id="0" * 32, raw=got.raw, body=got.body, surface="responses", native=raw)
    choice = {"index": 0, "message": {"role": "assistant"} | message, "finish_reason": finish, "logprobs": logprobs}
    data = json.dumps(
        {"id": "c", "object": "chat.completion", "created": 7, "model": "m", "choices": [choice]}
    ).encode()
    answer = Answer(data=data, id="c", served_model="t", finish_reason=finish, usage=TokenUsage(5, 3, 2, 1, 1))
    response = json.loads(surfaces()["responses"].whole(answer, request))
    check(response, "Response")
    return dict(response)


def test_usage_and_settings_come_back():
    response = whole({"content": "Hi"}, tools=[FUNCTION], temperature=0.5, text={"format": SCHEMA, "verbosity": "low"})
    assert response["usage"] == {
        "input_tokens": 5,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 8,
    }
    assert (response["created_at"], response["temperature"], response["tools"]) == (7, 0.5, [FUNCTION])
    assert response["text"] == {"format": SCHEMA, "verbosity": "low"}


def test_a_refusal_and_a_filter():
    response = whole({"content": None, "refusal": "No."}, "content_filter")
    assert response["output"][0]["content"] == [{"type": "refusal", "refusal": "No."}]
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "content_filter"})


def test_log_probabilities():
    token = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}
    response = whole({"content": "Hi"}, logprobs={"content": [token]}, top_logprobs=1)
    assert response["output"][0]["content"][0]["logprobs"] == [token]
