"""What may be said on any wire? Random conversations and answers, and the bytes in which its sandbox says them.

The vendors' own clients have judged the sandbox (`tests/sandbox/`), so it may stand for the vendors here.
"""

from random import Random
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from hypothesis import strategies as st

from providers.adapters import adapters
from providers.chat import ChatRequest
from providers.sandbox.prompts import Prompt, ToolUse, Turn
from providers.sandbox.replies import Exchange, Reply, Usage
from providers.sandbox.wires import wire
from tests.adapters.examples import SECRET, target

# Everything but surrogates, which UTF-8 cannot say; a text has something to see in it, or a wire may leave it out.
LETTERS = st.characters(exclude_categories=["Cs"])
TEXTS = st.text(LETTERS, max_size=25).map(lambda said: f"{said}.")
NAMES = st.text("abcxyzABC019_-", min_size=1, max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(LETTERS, max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(LETTERS, max_size=6), inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(st.text(LETTERS, min_size=1, max_size=8), VALUES, max_size=4)
CALLS = st.lists(st.tuples(NAMES, ARGUMENTS), max_size=4)
COUNTS = st.builds(Usage, st.integers(50, 900), st.integers(20, 90), st.integers(0, 40))


@st.composite
def replies(draw: st.DrawFn) -> tuple[Reply, Usage]:
    """An answer in some pieces, with thoughts, with tool calls, or with all of it."""
    said = draw(st.lists(TEXTS, max_size=6))
    calls = draw(CALLS) if said else draw(CALLS.filter(bool))
    uses = tuple(ToolUse(name, arguments, f"call_{at}") for at, (name, arguments) in enumerate(calls))
    thoughts = tuple(draw(st.lists(TEXTS, max_size=3)))
    return Reply(tuple(said), thoughts, uses, "tool_calls" if uses else "stop"), draw(COUNTS)


@st.composite
def conversations(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Messages in the chat's form: turns of text, rounds of tool calls whose results answer each, a question last."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": draw(TEXTS)}] if draw(st.booleans()) else []
    for round in range(draw(st.integers(0, 3))):
        messages.append({"role": "user", "content": draw(TEXTS)})
        calls = draw(CALLS)
        ids = [f"call_{round}x{at}" for at in range(len(calls))]
        turn: dict[str, Any] = {"role": "assistant", "content": draw(TEXTS)}
        if calls:
            turn["tool_calls"] = [tool_call(*call, id) for call, id in zip(calls, ids, strict=True)]
        messages.append(turn)
        messages += [{"role": "tool", "tool_call_id": id, "content": draw(TEXTS)} for id in ids]
    return [*messages, {"role": "user", "content": draw(TEXTS)}]


def tool_call(name: str, arguments: dict[str, Any], id: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": written(arguments)}}


def written(arguments: dict[str, Any]) -> str:
    return msgspec.json.encode(arguments).decode()


def read_by_upstream(wire_name: str, request: ChatRequest) -> Prompt:
    """What the upstream of that wire understands of a request."""
    asked = adapters()[wire_name].request(request, target(wire_name), SECRET)
    path, _, query = asked.path.partition("?")
    form = wire(wire_name).form(path, dict(parse_qsl(query))) or wire(wire_name)
    return form.prompt(msgspec.json.decode(asked.body), dict(asked.headers))


def exchange(reply: Reply, usage: Usage) -> Exchange:
    prompt = Prompt("theirs", (Turn("user", "Hi"),), include_usage=True)
    return Exchange("e1", 1700000000, "theirs", prompt, (reply,), usage)


def streamed_by_upstream(wire_name: str, reply: Reply, usage: Usage) -> bytes:
    """The bytes of a stream that says this."""
    form = wire(wire_name)
    return b"".join(form.encode(form.placed(event, at)) for at, event in enumerate(form.events(exchange(reply, usage))))


def whole_by_upstream(wire_name: str, reply: Reply, usage: Usage) -> bytes:
    return msgspec.json.encode(wire(wire_name).whole(exchange(reply, usage)))


def disturbed(wire_name: str, body: bytes, chance: Random) -> list[bytes]:
    """The same stream in other lines, between comments, and cut anywhere, also inside a character."""
    is_lines = not wire(wire_name).stream_type.startswith("text/event-stream")
    body = body.replace(b"\r\n", b"\n")  # as Google's server ends its lines
    blocks = body.split(b"\n" if is_lines else b"\n\n")[:-1]
    gap = b"\n" if is_lines else b"\n\n"
    extra = b"" if is_lines else b": keep-alive\n\n"
    body = b"".join(extra * (chance.random() < 0.2) + block + gap * chance.choice((1, 1, 2)) for block in blocks)
    if not is_lines and chance.random() < 0.3:
        body = body.replace(b"\ndata: ", b"\ndata:")
    body = body.replace(b"\n", chance.choice((b"\n", b"\r\n") if is_lines else (b"\n", b"\r\n", b"\r")))
    places = sorted(chance.randrange(len(body)) for _ in range(chance.randrange(12)))
    return [body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True)]
