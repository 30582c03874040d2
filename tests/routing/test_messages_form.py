"""Messages to a chat and back: texts, names, ids, order and arguments stay as they are, byte for byte."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.adapters import adapters
from providers.chat import Answer, ChatRequest, Delta, FunctionCall, ToolCall, WireUsage
from providers.wire.composing import Composer
from providers.wire.whole import collected
from routing.surfaces import surfaces
from routing.surfaces.base import Told
from routing.surfaces.forms.messages_request import is_strict
from tests.adapters.examples import SECRET, target
from tests.adapters.test_adapters_fuzzed import cut
from tests.adapters.test_anthropic_answer import FULL

QUICK = settings(max_examples=150, deadline=None, derandomize=True, database=None)
MESSAGES = surfaces()["messages"]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
SOLID = TEXTS.filter(lambda text: text.strip() == text)  # Anthropic refuses texts of white space only
JSON = st.recursive(st.none() | st.booleans() | st.integers() | TEXTS, lambda s: st.lists(s, max_size=3), max_leaves=5)
OBJECTS = st.dictionaries(TEXTS, JSON, max_size=4)
NAMES = st.from_regex(r"[a-zA-Z0-9_-]{1,20}", fullmatch=True)
CALLS = st.lists(st.tuples(NAMES, NAMES, OBJECTS), min_size=1, max_size=4, unique_by=lambda call: call[0])
SPACED = st.sampled_from([None, 1])  # how the caller lays out its JSON


def request(body: dict[str, Any], indent: int | None = None) -> ChatRequest:
    raw = json.dumps(body, indent=indent, ensure_ascii=False).encode()
    read = MESSAGES.read(raw)
    return ChatRequest(id="1", raw=read.raw, body=read.body, surface="messages", native=raw, lost=read.warnings)


def asked(**fields: Any) -> dict[str, Any]:
    return {"model": "ours", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]} | fields


def conversation(text: str, calls: list[Any], results: list[str]) -> list[dict[str, Any]]:
    said = [{"type": "text", "text": text}]
    said += [{"type": "tool_use", "id": i, "name": name, "input": value} for i, name, value in calls]
    back = [
        {"type": "tool_result", "tool_use_id": call[0], "content": result}
        for call, result in zip(calls, results, strict=True)
    ]
    return [
        {"role": "user", "content": [{"type": "text", "text": text}]},
        {"role": "assistant", "content": said},
        {"role": "user", "content": [*back, {"type": "text", "text": text}]},
    ]


@QUICK
@given(SOLID, CALLS, SPACED, st.data())
def test_a_conversation_is_the_same_chat(text, calls, indent, data):
    results = data.draw(st.lists(SOLID, min_size=len(calls), max_size=len(calls)))
    made = request(asked(messages=conversation(text, calls, results), system=text), indent)
    system, user, assistant, *tools, last = json.loads(made.raw)["messages"]
    assert (system["content"], user["content"], assistant["content"], last["content"]) == (text,) * 4
    found = [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in assistant["tool_calls"]]
    assert [(i, name, json.loads(arguments)) for i, name, arguments in found] == calls
    assert all(arguments in made.native.decode() for _, _, arguments in found)  # not a byte was written anew
    assert [(tool["tool_call_id"], tool["content"]) for tool in tools] == [
        (call[0], result) for call, result in zip(calls, results, strict=True)
    ]


@QUICK
@given(SOLID, CALLS, st.data())
def test_a_conversation_survives_the_way_to_a_chat_and_back(text, calls, data):
    results = data.draw(st.lists(SOLID, min_size=len(calls), max_size=len(calls)))
    turns = conversation(text, calls, results)
    made = request(asked(messages=turns, system=text))
    made.surface = "chat"
    sent = json.loads(adapters()["anthropic"].request(made, target("anthropic"), SECRET).body)
    for turn in turns:
        for block in turn["content"]:
            if block["type"] == "tool_result":
                block["content"] = [{"type": "text", "text": block["content"]}]
    assert (sent["system"], sent["messages"]) == (text, turns)


@QUICK
@given(st.none() | TEXTS, CALLS, SPACED)
def test_a_whole_answer_is_the_same_message(text, calls, indent):
    spelled = [(i, name, json.dumps(value, indent=indent, ensure_ascii=False)) for i, name, value in calls]
    made = [{"id": i, "type": "function", "function": {"name": n, "arguments": a}} for i, n, a in spelled]
    message = {"role": "assistant", "content": text, "tool_calls": made}
    body = {"id": "x", "model": "ours", "choices": [{"message": message, "finish_reason": "tool_calls"}]}
    data = msgspec.json.encode(body)
    answer = Answer(data=data, id="x", served_model="theirs", finish_reason="tool_calls", usage=None)
    said = MESSAGES.whole(answer, request(asked()))
    found = json.loads(said)
    uses = [block for block in found["content"] if block["type"] == "tool_use"]
    assert [(use["id"], use["name"], use["input"]) for use in uses] == calls
    assert all(arguments.encode() in said for _, _, arguments in spelled)
    assert [b["text"] for b in found["content"] if b["type"] == "text"] == ([text] if text else [])
    assert found["stop_reason"] == "tool_use"


def pieces(text: str, places: list[int]) -> list[str]:
    edges = [0, *sorted({place % (len(text) + 1) for place in places}), len(text)]
    return [text[a:b] for a, b in zip(edges, edges[1:], strict=False)]


def grow(block: dict[str, Any], delta: dict[str, Any]) -> None:
    for name, value in delta.items():
        if name != "type":
            block["json" if name == "partial_json" else name] += value


def put_together(stream: bytes) -> dict[str, Any]:
    """The message as Anthropic's clients collect it: by the index of its blocks."""
    message: dict[str, Any] = {}
    blocks: dict[int, dict[str, Any]] = {}
    for event in stream.decode().split("\n\n")[:-1]:
        head, _, data = event.partition("\ndata: ")
        payload = json.loads(data)
        assert head == f"event: {payload['type']}"
        match payload["type"]:
            case "message_start":
                message = payload["message"]
            case "content_block_start":
                assert payload["index"] == len(blocks)
                blocks[payload["index"]] = payload["content_block"] | {"json": ""}
            case "content_block_delta":
                grow(blocks[payload["index"]], payload["delta"])
            case "message_delta":
                message |= payload["delta"] | {"usage": payload["usage"]}
            case "message_stop":
                message["stopped"] = True
    return message | {"content": [block for _, block in sorted(blocks.items())]}


@QUICK
@given(TEXTS, TEXTS, CALLS, st.lists(st.integers(0, 60), max_size=6), st.randoms(use_true_random=False))
def test_a_stream_is_the_same_message(thought, text, calls, places, shuffled):
    head = Composer("x", 1, "theirs", "ours")
    deltas = [Delta(role="assistant", content="")]
    deltas += [Delta(reasoning_content=piece) for piece in pieces(thought, places)]
    deltas += [Delta(content=piece) for piece in pieces(text, places)]
    spelled = [json.dumps(value, ensure_ascii=False) for _, _, value in calls]
    rest = []
    for n, (i, name, _) in enumerate(calls):
        deltas.append(Delta(tool_calls=[ToolCall(n, i, "function", FunctionCall(name, ""))]))
        rest.append(
            [Delta(tool_calls=[ToolCall(n, None, None, FunctionCall(None, p))]) for p in pieces(spelled[n], places)]
        )
    while any(rest):  # fragments of parallel calls may come in any order
        deltas.append(shuffled.choice([queue for queue in rest if queue]).pop(0))
    chunks = [
        *(head.chunk(delta) for delta in deltas),
        head.chunk(Delta(), "tool_calls"),
        head.usage(WireUsage(9, 4, 13)),
    ]
    writer = MESSAGES.writer(request(asked(thinking={"type": "adaptive"})), False)
    said = put_together(b"".join([*(writer.write([chunk]) for chunk in chunks), writer.end(None)]))
    thinking, plain, *uses = said["content"]
    assert (thinking["thinking"], plain["text"]) == (thought, text)
    assert [(use["id"], use["name"]) for use in uses] == [(i, name) for i, name, _ in calls]
    assert [use["json"] for use in uses] == spelled
    assert (said["id"], said["model"], said["stop_reason"], said["stopped"]) == ("x", "ours", "tool_use", True)
    assert (said["usage"]["input_tokens"], said["usage"]["output_tokens"]) == (9, 4)


@QUICK
@given(st.lists(st.integers(0, 5000), max_size=30), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_a_native_stream_is_the_same_however_it_is_cut(places, line_end, comments):
    def said(body: bytes) -> bytes:
        decoder = adapters()["anthropic"].decoder(request(asked(stream=True)), target("anthropic"))
        return b"".join(chunk.data for piece in cut(body, places) for chunk in decoder.feed(piece))

    named = FULL.replace(b'"claude-x"', b'"ours"')
    body = FULL.replace(b"\n\n", b"\n\n: still here\n\n") if comments else FULL
    found = said(body.replace(b"\n", line_end.encode()))
    assert [json.loads(e.partition(b"data: ")[2]) for e in found.split(b"\n\n") if e] == [
        json.loads(e.partition(b"data: ")[2]) for e in named.split(b"\n\n") if e
    ]
    assert found.count(b"event: ") == named.count(b"event: ")


def test_what_binds_a_conversation_is_found_in_its_order():
    said = [
        {"type": "thinking", "thinking": "Hm", "signature": "s1"},
        {"type": "redacted_thinking", "data": "r1"},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {}},
    ]
    ours = [{"type": "thinking", "thinking": "Hm", "signature": ""}]
    back = [{"type": "tool_result", "tool_use_id": "t1"}]
    turns = [("user", "Hi"), ("assistant", ours), ("user", "Go"), ("assistant", said), ("user", back)]
    raw = json.dumps(asked(messages=[{"role": role, "content": content} for role, content in turns])).encode()
    assert MESSAGES.read(raw).marks == ("s1", "r1", "t1")


def test_a_failed_tool_and_its_picture_are_told():
    source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    back = {
        "type": "tool_result",
        "tool_use_id": "t1",
        "is_error": True,
        "content": [{"type": "image", "source": source}],
    }
    tool, picture = request(asked(messages=[{"role": "user", "content": [back]}])).body.messages
    assert [part.text for part in tool.content][0] == "The tool failed:" and tool.tool_call_id == "t1"
    assert picture.role == "user" and picture.content[0].image_url.url == "data:image/png;base64,AAAA"


def test_unknown_blocks_and_fields_are_never_refused():
    strange = {"type": "of_tomorrow", "content": {"deep": [1]}, "data": {"a": 1}, "signature": 5, "source": "a url"}
    made = request(asked(messages=[{"role": "user", "content": [strange, {"type": "text", "text": "Hi"}]}], new=1))
    assert made.lost == ("of_tomorrow dropped", "new dropped") and made.body.messages[0].content == "Hi"


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 30000}}, "high"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "max"),
        ({"thinking": {"type": "adaptive"}}, None),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "max"}}, None),
    ],
)
def test_how_hard_to_think(fields, effort):
    assert request(asked(**fields)).body.reasoning_effort == effort


@pytest.mark.parametrize("arguments", ["", "{}", "[1]", '{"a":', "null"])
def test_arguments_that_are_no_object_still_make_a_message(arguments):
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}
    body = {"id": "x", "model": "m", "choices": [{"message": {"tool_calls": [call]}, "finish_reason": "length"}]}
    answer = Answer(data=json.dumps(body).encode(), id="x", served_model="m", finish_reason="length", usage=None)
    said = json.loads(MESSAGES.whole(answer, request(asked())))
    assert said["content"][0]["input"] == ({} if arguments in ("", "{}") else {"invalid_json": arguments})
    assert said["stop_reason"] == "max_tokens"


def test_a_cut_ends_in_an_error_event_and_keeps_what_came():
    writer = MESSAGES.writer(request(asked()), True)
    begun = writer.write([Composer("x", 1, "theirs", "ours").chunk(Delta(content="Half"))])
    end = writer.broken(Told(502, "it broke off", "upstream_error", None, None, "77"))
    assert b"Half" in begun and b"message_stop" not in begun + end
    assert json.loads(end.removeprefix(b"event: error\ndata: ")) == {
        "type": "error", "error": {"type": "api_error", "message": "it broke off"}, "request_id": "req_77",
    }  # fmt: skip


def test_strict_schemas_are_those_that_openai_takes():
    closed = {"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": False}
    assert is_strict(closed) and is_strict(closed | {"properties": {"a": closed}})
    assert not is_strict(closed | {"required": []}) and not is_strict({"anyOf": [{"type": "object"}]})


def test_a_native_stream_and_its_whole_say_the_same_for_the_record():
    adapter, made = adapters()["anthropic"], request(asked(stream=True))
    chunks = adapter.decoder(made, target("anthropic")).feed(FULL)
    plain = collected(adapter.decoder(request(asked()), target("anthropic")), FULL, "ours")
    assert all(chunk.native for chunk in chunks) and chunks[-1].event.usage.tokens() == plain.usage
    assert chunks[-1].event.choices[0].finish_reason == plain.finish_reason
