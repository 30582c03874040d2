"""Whatever arrives, in whatever pieces: a decoder gives the same, and raises nothing but errors of the tree."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.adapters import adapters
from providers.errors import ProviderError
from tests.adapters.examples import ROLE, STOP, USAGE, chat, chunk, payloads, sse, streamed, target, text, tool_calls
from tests.adapters.gemini import FULL as GEMINI_FULL
from tests.adapters.test_anthropic_answer import FULL, closed, ended, events, opened, piece, start
from tests.adapters.test_anthropic_answer import STOP as MESSAGE_STOP
from tests.adapters.test_ollama_answer import PLAIN

QUICK = settings(max_examples=60, deadline=None, derandomize=True, database=None)
CALLED = chunk(
    {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}
)
STREAMS = {
    "openai": sse(ROLE, chunk({"content": "né 👩‍💻"}), CALLED, STOP, USAGE, b"[DONE]"),
    "anthropic": FULL,
    "ollama": PLAIN,
    "gemini": GEMINI_FULL.replace(b'{"name": "g"', b'{"id": "fc_2", "name": "g"'),
}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
ARGUMENTS = st.dictionaries(
    TEXTS, st.recursive(st.none() | st.integers() | TEXTS, lambda s: st.lists(s, max_size=3)), max_size=4
)


def cut(body: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted({place % len(body) for place in places}), len(body)]
    return [body[a:b] for a, b in zip(edges, edges[1:], strict=False)]


@pytest.mark.parametrize("wire", sorted(STREAMS))
@QUICK
@given(st.lists(st.integers(0, 5000), max_size=30))
def test_any_cut_gives_the_same(wire, places):
    def said(pieces):
        return [payload | {"id": "", "created": 0} for payload in payloads(streamed(adapters()[wire], pieces))]

    assert said(cut(STREAMS[wire], places)) == said([STREAMS[wire]])


@pytest.mark.parametrize("wire", sorted(STREAMS))
@QUICK
@given(st.data())
def test_damaged_bytes_raise_nothing_but_errors_of_the_tree(wire, data):
    body = bytearray(STREAMS[wire])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 12))] = data.draw(st.binary(max_size=6))
    decoder = adapters()[wire].decoder(chat(stream=True), target(wire))
    try:
        payloads(decoder.feed(bytes(body)))
        payloads(decoder.finish())
        adapters()[wire].answer(bytes(body), chat(), target(wire))
    except ProviderError as exc:
        assert exc.message


@QUICK
@given(
    st.lists(TEXTS, min_size=1, max_size=6),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.lists(st.integers(0, 5000), max_size=9),
)
def test_openais_text_arrives_whole(texts, end, places):
    body = sse(ROLE, *(chunk({"content": said}) for said in texts), STOP, b"[DONE]").replace(b"\n", end.encode())
    assert text(streamed(adapters()["openai"], cut(body, places))) == "".join(texts)


@QUICK
@given(st.lists(ARGUMENTS, min_size=1, max_size=3), st.integers(1, 9), st.lists(st.integers(0, 5000), max_size=9))
def test_tool_arguments_survive_every_wire(calls, step, places):
    written = [json.dumps(arguments, ensure_ascii=index % 2 == 0) for index, arguments in enumerate(calls)]
    for wire, body in (
        ("anthropic", anthropic(written, step)),
        ("openai", openai(written, step)),
        ("ollama", ollama(calls)),
    ):
        found = [arguments for _, _, arguments in tool_calls(streamed(adapters()[wire], cut(body, places)))]
        assert [json.loads(arguments) for arguments in found] == calls
        if wire != "ollama":  # which sends objects; where a wire sends text, it arrives as it was written
            assert found == written


def pieces(said: str, step: int) -> list[str]:
    return [said[at : at + step] for at in range(0, len(said), step)]


def anthropic(written: list[str], step: int) -> bytes:
    said = []
    for index, arguments in enumerate(written):
        said.append(opened(index, type="tool_use", id=f"t{index}", name="f", input={}))
        said += [piece(index, "input_json_delta", partial_json=part) for part in pieces(arguments, step)]
        said.append(closed(index))
    return events(start(), *said, ended("tool_use"), MESSAGE_STOP)


def openai(written: list[str], step: int) -> bytes:
    said = []
    for index, arguments in enumerate(written):
        said.append({"index": index, "id": f"t{index}", "type": "function", "function": {"name": "f", "arguments": ""}})
        said += [{"index": index, "function": {"arguments": part}} for part in pieces(arguments, step)]
    return sse(ROLE, *(chunk({"tool_calls": [call]}) for call in said), chunk({}, "tool_calls"), b"[DONE]")


def ollama(calls: list[dict]) -> bytes:
    said = {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"function": {"name": "f", "arguments": c}} for c in calls],
    }
    return json.dumps({"model": "m", "message": said, "done": True, "done_reason": "stop"}).encode() + b"\n"
