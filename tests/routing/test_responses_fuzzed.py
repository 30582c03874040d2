"""Responses and chats say the same: text, names, ids, order and arguments byte for byte, in both directions."""

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.adapters import adapters
from providers.chat import ChatRequest, Chunk
from providers.errors import ProviderError
from providers.targets import Target
from providers.wire.responses_answer import ResponsesDecoder
from routing.errors import InvalidBody
from routing.surfaces import surfaces
from tests.adapters.contract import check
from tests.adapters.examples import sse, target

QUICK = settings(max_examples=150, deadline=None, derandomize=True, database=None)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
NAMES = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_-]{0,27}", fullmatch=True)  # two of them are no longer than a name may be
CALLS = st.lists(st.tuples(NAMES, TEXTS, st.none() | NAMES), min_size=1, max_size=3, unique_by=lambda call: call[:1])
TURNS = st.lists(st.one_of(TEXTS.map(lambda t: ("user", t)), TEXTS.map(lambda t: ("assistant", t)), CALLS), max_size=5)
PLACES = st.lists(st.integers(0, 9000), max_size=12)


def asked(**body: Any) -> tuple[ChatRequest, dict[str, Any]]:
    """A request as it comes in, and the chat that it becomes."""
    raw = json.dumps({"model": "ours", **body}).encode()
    read = surfaces()["responses"].read(raw)
    request = ChatRequest(id="0" * 32, raw=read.raw, body=read.body, surface="responses", native=raw)
    return request, msgspec.json.decode(read.raw)


def cut(body: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted({place % len(body) for place in places}), len(body)]
    return [body[a:b] for a, b in zip(edges, edges[1:], strict=False)]


@QUICK
@given(TURNS, st.booleans())
def test_a_conversation_becomes_a_chat(turns, as_parts):
    items: list[dict[str, Any]] = []
    expected: list[Any] = []
    for turn in turns:
        if isinstance(turn, tuple):
            kind = "output_text" if turn[0] == "assistant" else "input_text"
            items.append({"role": turn[0], "content": [{"type": kind, "text": turn[1]}] if as_parts else turn[1]})
            expected.append(turn)
            continue
        ids = [f"call_{len(items)}_{at}" for at in range(len(turn))]
        for id, (name, arguments, space) in zip(ids, turn, strict=True):
            place = {"namespace": space} if space else {}
            items.append({"type": "function_call", "call_id": id, "name": name, "arguments": arguments} | place)
            expected.append(("call", id, f"{space}__{name}" if space else name, arguments))
        for id, (name, arguments, _) in zip(ids, turn, strict=True):
            items.append({"type": "function_call_output", "call_id": id, "output": arguments + name})
            expected.append(("output", id, arguments + name))
    items.append({"role": "user", "content": "Go on."})
    _, chat = asked(input=items)
    said = [each for message in chat["messages"] for each in _of(message)]
    assert said == [*expected, ("user", "Go on.")]


def _of(message: dict[str, Any]) -> list[Any]:
    if message["role"] == "tool":
        return [("output", message["tool_call_id"], message["content"])]
    found: list[Any] = [(message["role"], message["content"])] if message.get("content") else []
    for call in message.get("tool_calls", ()):
        found.append(("call", call["id"], call["function"]["name"], call["function"]["arguments"]))
    return found


def chat_stream(thoughts: list[str], texts: list[str], calls: list[Any], interleaved: bool) -> bytes:
    """What an upstream of chats sends; the pieces of its calls one call after the other, or in turns."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning_content": text} for text in thoughts] + [{"content": text} for text in texts]
    pieces = [(at, place, piece) for at, (_, arguments, _) in enumerate(calls) for place, piece in enumerate(arguments)]
    opened = [(at, {"id": f"c{at}", "type": "function", "function": {"name": name, "arguments": ""}})
              for at, (name, _, _) in enumerate(calls)]  # fmt: skip
    deltas += [{"tool_calls": [{"index": at, **call}]} for at, call in opened]
    for at, _, piece in sorted(pieces, key=lambda p: p[1]) if interleaved else pieces:
        deltas.append({"tool_calls": [{"index": at, "function": {"arguments": piece}}]})
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 7, "model": "theirs"}
    chunks = [head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    finish = "tool_calls" if calls else "stop"
    chunks += [head | {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}]
    return sse(*(json.dumps(c).encode() for c in (*chunks, head | {"choices": [], "usage": usage})), b"[DONE]")


def through(decoder: Any, pieces: list[bytes]) -> list[Chunk]:
    chunks = [chunk for piece in pieces for chunk in decoder.feed(piece)]
    return chunks if decoder.done else chunks + decoder.finish()


def streamed(request: ChatRequest, chunks: list[Chunk]) -> bytes:
    writer = surfaces()["responses"].writer(request, False)
    return b"".join(writer.write([chunk]) for chunk in chunks) + writer.end(None)


def events_in(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(block.partition(b"\ndata: ")[2]) for block in data.split(b"\n\n")[:-1]]


@QUICK
@given(st.lists(TEXTS, max_size=3), st.lists(TEXTS, max_size=3), CALLS | st.just([]), st.booleans(), PLACES)
def test_a_chats_answer_becomes_events_and_passes_natively(thoughts, texts, calls, interleaved, places):
    to = target()
    request, _ = asked(input="Hello", stream=True, reasoning={"summary": "auto"})
    body = chat_stream(thoughts, texts, calls, interleaved)
    data = streamed(request, through(adapters()["openai"].decoder(ChatRequest(id="", raw=b"", body=request.body), to),
                                     cut(body, places)))  # fmt: skip
    events = events_in(data)
    response = events[-1]["response"]
    check(response, "Response")
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert said_by(response) == (thoughts and "".join(thoughts), texts and "".join(texts), ids_of(calls))
    assert deltas_of(events) == ("".join(thoughts), "".join(texts), [arguments for _, arguments, _ in calls])
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert done == response["output"]

    native = Target(**{name: getattr(to, name) for name in to.__struct_fields__} | {"model": "renamed"})
    passed = b"".join(chunk.data for chunk in through(ResponsesDecoder(native), cut(data, places)))
    assert passed == data.replace(b'"model":"ours"', b'"model":"renamed"')


def ids_of(calls: list[Any]) -> list[tuple[str, str, str]]:
    return [(f"c{at}", name, arguments) for at, (name, arguments, _) in enumerate(calls)]


def said_by(response: dict[str, Any]) -> tuple[Any, Any, Any]:
    kinds: dict[str, list[Any]] = {"reasoning": [], "message": [], "function_call": []}
    for item in response["output"]:
        kinds[item["type"]].append(item)
    calls = [(item["call_id"], item["name"], item["arguments"]) for item in kinds["function_call"]]
    thoughts = [item["summary"][0]["text"] for item in kinds["reasoning"]]
    texts = [item["content"][0]["text"] for item in kinds["message"]]
    return "".join(thoughts) if thoughts else [], "".join(texts) if texts else [], calls


def deltas_of(events: list[dict[str, Any]]) -> tuple[str, str, list[str]]:
    def joined(kind: str, item: str | None = None) -> str:
        mine = [e for e in events if e["type"] == kind and item in (None, e.get("item_id"))]
        return "".join(event["delta"] for event in mine)

    calls = [e["item"]["id"] for e in events if e["type"] == "response.output_item.added" and "call_id" in e["item"]]
    return (
        joined("response.reasoning_summary_text.delta"),
        joined("response.output_text.delta"),
        [joined("response.function_call_arguments.delta", call) for call in calls],
    )


@QUICK
@given(st.lists(TEXTS, max_size=3), st.lists(TEXTS, max_size=3), CALLS | st.just([]))
def test_a_whole_answer_says_what_its_stream_says(thoughts, texts, calls):
    request, _ = asked(input="Hello", reasoning={"summary": "auto"})
    plain = ChatRequest(id="", raw=b"", body=request.body)
    body = chat_stream(thoughts, texts, calls, False)
    chunks = through(adapters()["openai"].decoder(plain, target()), [body])
    answer = adapters()["openai"].answer(body, plain, target())  # an upstream that streams unasked: collected
    whole = json.loads(surfaces()["responses"].whole(answer, request))
    check(whole, "Response")
    assert whole == events_in(streamed(request, chunks))[-1]["response"]


PLAIN = ChatRequest(id="", raw=b"", body=asked(input="x")[0].body)
NATIVE = chat_stream(["Hm."], ["né 👩‍💻"], [("f", '{"ä": 1}', None)], False)


@QUICK
@given(st.data())
def test_damaged_native_streams_raise_nothing_but_errors_of_the_tree(data):
    request, _ = asked(input="Hello", stream=True)
    plain = ChatRequest(id="", raw=b"", body=request.body)
    body = bytearray(streamed(request, through(adapters()["openai"].decoder(plain, target()), [NATIVE])))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 12))] = data.draw(st.binary(max_size=6))
    decoder = ResponsesDecoder(target())
    try:
        for chunk in through(decoder, [bytes(body)]):
            assert chunk.data.startswith(b"event: ") and chunk.data.endswith(b"\n\n") and chunk.data.count(b"\n") == 3
            json.loads(chunk.data.partition(b"\ndata: ")[2])
    except ProviderError as exc:
        assert exc.message


FIELDS = st.sampled_from(["type", "id", "content", "text", "role", "output", "call_id", "name", "arguments"]) | TEXTS
LEAVES = st.none() | st.booleans() | st.integers() | TEXTS
KINDS = st.sampled_from(["message", "function_call", "function_call_output", "custom_tool_call", "reasoning", "other"])
JSON = st.recursive(LEAVES, lambda s: st.lists(s, max_size=3) | st.dictionaries(FIELDS, s, max_size=4), max_leaves=12)


@QUICK
@given(st.dictionaries(FIELDS, JSON, max_size=6), KINDS | LEAVES)
def test_whatever_stands_in_the_input_is_read_or_refused_by_name(item, kind):
    try:
        asked(input=[item | {"type": kind}])
    except InvalidBody as exc:
        assert exc.param


@QUICK
@given(st.dictionaries(FIELDS | st.sampled_from(["tools", "format"]), JSON, max_size=5), KINDS | LEAVES, JSON)
def test_whatever_stands_among_the_tools_is_read_or_refused_by_name(tool, kind, other):
    kinds = ("function", "custom", "namespace", kind)
    tools = [tool | {"type": each} for each in kinds]
    try:
        request, _ = asked(input="x", tools=tools, tool_choice=tool | {"type": "allowed_tools", "tools": other})
        streamed(request, through(adapters()["openai"].decoder(PLAIN, target()), [NATIVE]))
    except (InvalidBody, msgspec.ValidationError) as exc:
        assert str(exc)
