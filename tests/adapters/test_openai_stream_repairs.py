"""What the OpenAI adapter puts right in a stream: usage, tool calls, roles, ids. Numbers are rows of the faults."""

import json

import pytest

from providers.adapters import adapters
from providers.errors import Overloaded, RateLimited
from tests.adapters.contract import CHUNK, check
from tests.adapters.examples import (
    ROLE,
    STOP,
    USAGE,
    chat,
    chunk,
    completion,
    finish,
    payloads,
    reasoning,
    sse,
    streamed,
    target,
    text,
    tool_calls,
)

OPENAI = adapters()["openai"]

DONE = b"[DONE]"

HELLO = sse(ROLE, chunk({"content": "Hel"}), chunk({"content": "lo"}), STOP, USAGE, DONE)


def calls(*fragments: dict) -> dict:
    return chunk({"tool_calls": list(fragments)})


def fragment(index=None, id=None, name=None, arguments=None, **more):
    function = {k: v for k, v in (("name", name), ("arguments", arguments)) if v is not None}
    fields = {"index": index, "id": id, "type": "function" if id else None, "function": function or None}
    return {k: v for k, v in fields.items() if v is not None} | more


def test_row_27_the_last_usage_wins_and_comes_once_at_the_end():
    def counted(n, **fields):
        return {"usage": {"prompt_tokens": n, "completion_tokens": n, "total_tokens": 2 * n}, **fields}

    body = sse(chunk({"role": "assistant", "content": "a"}, **counted(1)), chunk({}, "stop", **counted(2)))
    chunks = streamed(OPENAI, [body + sse(chunk(choices=[], **counted(5)), DONE)])
    assert [payload.get("usage") for payload in payloads(chunks)[:-1]] == [None, None]
    assert payloads(chunks)[-1]["usage"]["total_tokens"] == 10 and payloads(chunks)[-1]["choices"] == []
    assert chunks[0].event.usage.tokens().prompt == 1  # so that a cut stream can be billed


def test_row_27_usage_beside_the_finish_reason_gets_a_chunk_of_its_own():
    usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9, "cost": 0.01}
    chunks = streamed(OPENAI, [sse(ROLE, chunk({}, "stop", usage=usage), DONE)])
    assert payloads(chunks)[-1]["usage"] == usage and payloads(chunks)[-1]["choices"] == []


def test_groqs_usage_is_read():
    last = chunk({}, "stop", x_groq={"id": "req_1", "usage": {"prompt_tokens": 3, "completion_tokens": 4}})
    assert streamed(OPENAI, [sse(ROLE, last, DONE)])[-1].event.usage.tokens().completion == 4


@pytest.mark.parametrize("usage", [{}, {"prompt_tokens": "many"}, {"prompt_tokens": 10**12, "completion_tokens": 1}])
def test_row_27_unusable_usage_is_unknown(usage):
    chunks = streamed(OPENAI, [sse(ROLE, STOP, chunk(choices=[], usage=usage), DONE)])
    assert not any(item.event.usage for item in chunks)


def test_row_27_negative_usage_is_clamped():
    usage = {"prompt_tokens": -5, "completion_tokens": 3, "total_tokens": -2, "prompt_tokens_details": None}
    last = streamed(OPENAI, [sse(ROLE, STOP, chunk(choices=[], usage=usage), DONE)])[-1]
    assert (last.event.usage.prompt_tokens, last.event.usage.completion_tokens) == (0, 3)
    check(payloads([last])[0], CHUNK)


@pytest.mark.parametrize("space", [b"", b"\n "])
def test_row_28_json_instead_of_a_stream_becomes_one(space):
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    message = {"content": "Hello", "tool_calls": [call], "reasoning_content": "hm"}
    body = space + json.dumps(completion(message, "tool_calls")).encode()
    chunks = streamed(OPENAI, [body[:5], body[5:]])
    assert text(chunks) == "Hello" and reasoning(chunks) == "hm" and finish(chunks) == "tool_calls"
    assert tool_calls(chunks) == [("call_1", "f", '{"a":1}')]
    assert payloads(chunks)[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunks[-1].event.usage.tokens().prompt == 7
    for payload in payloads(chunks):
        check(payload, CHUNK)


def test_row_28_an_error_as_json_instead_of_a_stream():
    with pytest.raises(RateLimited):
        streamed(OPENAI, [b'[{"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}]'])


def test_row_29_role_chunks_and_empty_deltas_come_once():
    again = chunk({"role": "assistant", "content": ""})
    body = sse(ROLE, again, chunk({"content": "x"}), chunk(), chunk({"content": ""}), again, STOP, DONE)
    assert len(streamed(OPENAI, [body])) == 3


def test_row_29_a_delta_with_something_unknown_stays():
    assert len(streamed(OPENAI, [sse(ROLE, chunk({"content": "", "images": [{"url": "x"}]}), STOP)])) == 3


def test_row_29_a_stream_without_role_gets_one():
    chunks = streamed(OPENAI, [sse(chunk({"content": "x"}), STOP)])
    assert payloads(chunks)[0]["choices"][0]["delta"] == {"content": "x", "role": "assistant"}


def test_row_29_tool_calls_in_order_keep_their_bytes():
    events = [
        calls(fragment(0, "a", "f", "")),
        calls(fragment(0, arguments='{"x":')),
        calls(fragment(0, arguments="1}")),
        calls(fragment(1, "b", "g", ""), fragment(1, arguments="{}")),
    ]
    body = sse(ROLE, *events, chunk({}, "tool_calls"), DONE)
    assert tool_calls(streamed(OPENAI, [body])) == [("a", "f", '{"x":1}'), ("b", "g", "{}")]
    assert b"".join(item.data for item in streamed(OPENAI, [body], target(model="theirs-0613"))) == body[:-14]


@pytest.mark.parametrize(
    ("fragments", "expected"),
    [
        ([fragment(3, "a", "f", "{}"), fragment(7, "b", "g", "{}")], [("a", "f", "{}"), ("b", "g", "{}")]),
        ([fragment(0, "a", "f", "{}"), fragment(0, "b", "g", "{}")], [("a", "f", "{}"), ("b", "g", "{}")]),
        ([fragment(0, "a", "f", "{"), fragment(0, "a", None, "}")], [("a", "f", "{}")]),
        ([fragment(None, "a", "f", "{"), fragment(None, None, None, "}")], [("a", "f", "{}")]),
        ([fragment(0, "a", "f", ""), fragment(0, None, None, "not json")], [("a", "f", "not json")]),
        ([fragment(0, "a", "f", None, function={"name": "f", "arguments": {"q": 1}})], [("a", "f", '{"q":1}')]),
        ([fragment(0, 17, "f", "{}")], [("17", "f", "{}")]),
        (
            [
                fragment(0, "a", "f", "{"),
                fragment(1, "b", "g", "["),
                fragment(0, None, None, "}"),
                fragment(1, None, None, "]"),
            ],
            [("a", "f", "{}"), ("b", "g", "[]")],
        ),
    ],
)
def test_row_29_tool_calls_are_numbered_as_they_come(fragments, expected):
    chunks = streamed(OPENAI, [sse(ROLE, *(calls(piece) for piece in fragments), chunk({}, "tool_calls"))])
    assert tool_calls(chunks) == expected
    for payload in payloads(chunks):
        check(payload, CHUNK)


def test_row_29_one_id_twice_and_no_ids_at_all_become_ids_of_their_own():
    pieces = [
        fragment(0, "a", "f", "{"),
        fragment(1, "a", "g", "["),
        fragment(1, "a", None, "]"),
        fragment(0, "a", None, "}"),
    ]
    first, second = tool_calls(streamed(OPENAI, [sse(ROLE, *map(calls, pieces), chunk({}, "tool_calls"))]))
    assert first == ("a", "f", "{}") and second[1:] == ("g", "[]") and second[0] not in ("", "a")
    whole = [fragment(0, None, "f", "{}"), fragment(0, None, "g", "{}")]
    found = tool_calls(streamed(OPENAI, [sse(ROLE, *map(calls, whole), chunk({}, "tool_calls"))]))
    assert [name for _, name, _ in found] == ["f", "g"] and len({call_id for call_id, _, _ in found} - {""}) == 2


def test_row_35_missing_ids_times_and_types_are_filled_in():
    body = sse(
        {"choices": [{"delta": {"role": "assistant", "content": "a"}}]},
        {"id": None, "created": 1.5, "model": None, "choices": [{"index": 0, "delta": {"content": "b"}}]},
        chunk(None, "eos", system_fingerprint=None, service_tier="on_demand"),
    )
    chunks = streamed(OPENAI, [body])
    assert text(chunks) == "ab" and finish(chunks) == "stop"
    assert len({payload["id"] for payload in payloads(chunks)}) == 1 and payloads(chunks)[0]["id"].startswith(
        "chatcmpl-"
    )
    for payload in payloads(chunks):
        check(payload, CHUNK)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("eos", "stop"), ("max_tokens", "length"), ("tool_use", "tool_calls"), ("SAFETY", "content_filter")],
)
def test_finish_reasons_outside_the_enum_are_mapped(theirs, ours):
    assert finish(streamed(OPENAI, [sse(ROLE, chunk({}, theirs))])) == ours


@pytest.mark.parametrize("word", ["error", "insufficient_system_resource", "abort"])
def test_an_answer_that_its_server_broke_off_is_no_success(word):
    with pytest.raises(Overloaded):
        streamed(OPENAI, [sse(ROLE, chunk({"content": "half an"}), chunk({}, word), b"[DONE]")])
    with pytest.raises(Overloaded):
        OPENAI.answer(json.dumps(completion({"content": "half an"}, word)).encode(), chat(), target())


def test_reasoning_by_any_name_counts_as_content():
    chunks = streamed(OPENAI, [sse(ROLE, chunk({"reasoning": "hm"}), chunk({"reasoning_content": "so"}), STOP)])
    assert reasoning(chunks) == "hmso" and chunks[1].content_length == 2
    told = [payload["choices"][0]["delta"] for payload in payloads(chunks)]
    assert told[1] == {"reasoning": "hm", "reasoning_content": "hm"} and told[2] == {"reasoning_content": "so"}
    mistral = chunk(
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "x"}]}
    )
    chunks = streamed(OPENAI, [sse(ROLE, mistral, STOP)])
    assert reasoning(chunks) == "hm" and text(chunks) == "x"


def test_azures_first_event_without_choices_is_dropped():
    first = {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": []}
    assert len(streamed(OPENAI, [sse(first, ROLE, STOP)])) == 2
