"""What the Anthropic adapter makes of answers, streamed and not. Numbers are rows of the fault table."""

import json

import pytest

from providers.adapters import adapters
from providers.errors import (
    BadUpstreamResponse,
)
from tests.adapters.contract import ANSWER, CHUNK, check
from tests.adapters.examples import answered, chat, finish, payloads, reasoning, streamed, target, text, tool_calls

ANTHROPIC = adapters()["anthropic"]

COUNTS = {"input_tokens": 10, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 80, "output_tokens": 1}


def events(*said):
    return b"".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in said)


def start(**fields):
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [],
        "usage": COUNTS,
    }
    return {"type": "message_start", "message": message | {"stop_reason": None} | fields}


def opened(index, **block):
    return {"type": "content_block_start", "index": index, "content_block": block}


def piece(index, kind, **fields):
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def closed(index):
    return {"type": "content_block_stop", "index": index}


def ended(reason, **usage):
    return {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}


PING = {"type": "ping"}

STOP = {"type": "message_stop"}

TEXT = (opened(0, type="text", text=""), piece(0, "text_delta", text="Hel"), PING, piece(0, "text_delta", text="lo né"))

PLAIN = events(start(), PING, *TEXT, closed(0), ended("end_turn", output_tokens=15), STOP)

FULL = events(
    start(),
    opened(0, type="thinking", thinking="", signature=""),
    piece(0, "thinking_delta", thinking="hm, "),
    piece(0, "thinking_delta", thinking="so"),
    piece(0, "signature_delta", signature="c2ln"),
    closed(0),
    opened(1, type="redacted_thinking", data="xyz"),
    closed(1),
    opened(2, type="text", text="A"),
    piece(2, "text_delta", text="B"),
    piece(2, "citations_delta", citation={"type": "char_location"}),
    closed(2),
    opened(3, type="tool_use", id="toolu_1", name="f", input={}),
    piece(3, "input_json_delta", partial_json=""),
    piece(3, "input_json_delta", partial_json='{"a": '),
    piece(3, "input_json_delta", partial_json='"né"}'),
    closed(3),
    opened(4, type="tool_use", id="toolu_2", name="g", input={}),
    closed(4),
    {"type": "an_event_of_tomorrow", "x": 1},
    opened(5, type="server_tool_use", id="srv", name="web_search", input={}),
    piece(5, "input_json_delta", partial_json="{}"),
    closed(5),
    ended("tool_use", output_tokens=40, output_tokens_details={"thinking_tokens": 12}),
    STOP,
)


def strip(item):
    """A chunk but for the second in which it was made."""
    return json.loads(item.data[6:]) | {"created": 0}


MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "text", "text": "A"},
        {"type": "text", "text": "B"},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": [1, {"b": None}]}},
        {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": COUNTS | {"output_tokens": 40},
}


def test_every_kind_of_event():
    chunks = streamed(ANTHROPIC, [FULL])
    assert text(chunks) == "AB" and reasoning(chunks) == "hm, so" and finish(chunks) == "tool_calls"
    assert tool_calls(chunks) == [("toolu_1", "f", '{"a": "né"}'), ("toolu_2", "g", "{}")]
    assert payloads(chunks)[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert {(p["id"], p["model"]) for p in payloads(chunks)} == {("msg_1", "ours")}
    assert {item.event.model for item in chunks} == {"claude-x"}
    for payload in payloads(chunks):
        check(payload, CHUNK)


def test_usage_counts_cached_tokens_as_part_of_the_prompt():
    usage = streamed(ANTHROPIC, [FULL])[-1].event.usage.tokens()
    assert (usage.prompt, usage.completion, usage.cached, usage.cache_write, usage.reasoning) == (93, 40, 80, 3, 12)


def test_row_27_the_last_cumulative_usage_wins():
    body = events(
        start(), *TEXT, ended("end_turn", output_tokens=5, input_tokens=20), ended("end_turn", output_tokens=9), STOP
    )
    usage = streamed(ANTHROPIC, [body])[-1].event.usage.tokens()
    assert (usage.prompt, usage.completion) == (103, 9)


def test_row_27_missing_and_absurd_usage_is_unknown():
    for counts in ({}, {"input_tokens": 10**12, "output_tokens": 1}):
        chunks = streamed(ANTHROPIC, [events(start(usage=counts), *TEXT, ended("end_turn"), STOP)])
        assert not any(item.event.usage for item in chunks)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_24_and_26_every_cut_into_two_gives_the_same(end):
    body = PLAIN.replace(b"\n", end.encode())
    whole = [strip(item) for item in streamed(ANTHROPIC, [body])]
    assert text(streamed(ANTHROPIC, [body])) == "Hello né"
    for at in range(1, len(body)):
        assert [strip(item) for item in streamed(ANTHROPIC, [body[:at], body[at:]])] == whole


def test_a_stream_byte_by_byte_and_without_event_names():
    assert tool_calls(streamed(ANTHROPIC, [bytes([byte]) for byte in FULL]))[0][2] == '{"a": "né"}'
    lines = [line for line in PLAIN.splitlines() if not line.startswith(b"event")]
    assert text(streamed(ANTHROPIC, [b"\n".join(lines) + b"\n\n"])) == "Hello né"


@pytest.mark.parametrize("kept", range(1, 9))
def test_row_19_an_end_without_message_stop_is_a_cut(kept):
    said = PLAIN.split(b"\n\n")[:kept]
    with pytest.raises(BadUpstreamResponse):
        streamed(ANTHROPIC, [b"\n\n".join(said) + b"\n\n"])


def test_message_stop_without_a_reason_is_a_cut():
    with pytest.raises(BadUpstreamResponse):
        streamed(ANTHROPIC, [events(start(), *TEXT, STOP)])


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("stop_sequence", "stop"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "stop"),
        ("refusal", "content_filter"),
        ("model_context_window_exceeded", "length"),
        ("something_new", "stop"),
    ],
)
def test_stop_reasons(theirs, ours):
    assert finish(streamed(ANTHROPIC, [events(start(), *TEXT, ended(theirs), STOP)])) == ours


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>secret</html>",
        b"data: {nope\n\n",
        b"data: 5\n\n",
        events(piece(0, "text_delta", text="x")),
        events(STOP),
    ],
)
def test_rows_13_and_14_what_is_no_stream_is_a_bad_response(body):
    with pytest.raises(BadUpstreamResponse) as caught:
        streamed(ANTHROPIC, [body])
    assert "secret" not in str(caught.value)


def test_an_answer_in_one_piece():
    answer = ANTHROPIC.answer(json.dumps(MESSAGE).encode(), chat(), target("anthropic"))
    body = answered(answer)
    message = body["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("AB", "hm")
    assert [call["function"]["arguments"] for call in message["tool_calls"]] == ['{"a":[1,{"b":null}]}', "{}"]
    assert (body["model"], answer.served_model, answer.finish_reason) == ("ours", "claude-x", "tool_calls")
    assert (answer.usage.prompt, answer.usage.cached, answer.usage.cache_write) == (93, 80, 3)
    check(body, ANSWER)
    only_tools = MESSAGE | {"content": MESSAGE["content"][3:]}
    assert (
        answered(ANTHROPIC.answer(json.dumps(only_tools).encode(), chat(), target("anthropic")))["choices"][0][
            "message"
        ]["content"]
        is None
    )


def test_row_28_json_for_a_stream_and_a_stream_for_json():
    chunks = streamed(ANTHROPIC, [json.dumps(MESSAGE).encode()])
    assert text(chunks) == "AB" and len(tool_calls(chunks)) == 2 and chunks[-1].event.usage.tokens().prompt == 93
    answer = ANTHROPIC.answer(FULL, chat(), target("anthropic"))
    message = answered(answer)["choices"][0]["message"]
    assert message["content"] == "AB" and message["tool_calls"][1]["function"] == {"name": "g", "arguments": "{}"}
    check(answered(answer), ANSWER)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<html>",
        b"[]",
        b"5",
        b'{"id":"x","model":"m","content":"text","stop_reason":"end_turn"}',
        b"{" * 9000,
    ],
)
def test_rows_13_and_14_what_is_no_message_is_a_bad_response(body):
    with pytest.raises(BadUpstreamResponse):
        ANTHROPIC.answer(body, chat(), target("anthropic"))
