"""What was said in a request, for people to read? Texts out of the JSON of every form that we speak; never HTML."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from usage.outcomes import Kept

FOLDED_AFTER: Final = 20  # lines
TEXT_TYPES: Final = ("text", "input_text", "output_text", "thinking", "reasoning_text", "summary_text")


class Message(Struct, frozen=True):
    """One text and who said it."""

    who: str
    text: str

    @property
    def lines(self) -> int:
        return self.text.count("\n") + 1

    @property
    def shown(self) -> str:
        """Its first lines."""
        return "\n".join(self.text.split("\n")[:FOLDED_AFTER])

    @property
    def folded(self) -> str:
        """The lines behind those; empty where there are none."""
        return "\n".join(self.text.split("\n")[FOLDED_AFTER:])


class Said(Struct, frozen=True):
    prompt: tuple[Message, ...]
    answer: tuple[Message, ...]
    cut: bool


def said_in(kept: Kept) -> Said:
    """The messages of the prompt, and the answer; what cannot be read is shown as it is."""
    return Said(tuple(_prompt(kept.prompt)), tuple(_answer(kept.answer)), kept.cut)


def _prompt(raw: bytes) -> Iterator[Message]:
    body = _object(raw)
    if body is None:
        yield Message("as it came", _plain(raw))
        return
    for field in ("system", "instructions", "prompt"):
        if field in body:
            yield Message("system" if field != "prompt" else "user", text_of(body[field]))
    said = body.get("messages", body.get("input", []))
    for one in said if isinstance(said, list) else [said]:
        if isinstance(one, Mapping):
            yield Message(str(one.get("role") or one.get("type") or "?"), _message(one))
        else:
            yield Message("user", text_of(one))


def _message(one: Mapping[str, Any]) -> str:
    """A message's content, and the tools that it calls."""
    calls = [_call(call) for call in one.get("tool_calls") or () if isinstance(call, Mapping)]
    texts = [text_of(one[field]) for field in ("content", "output", "arguments") if one.get(field)]
    return "\n".join([*texts, *calls]) or _as_json(one)


def _answer(raw: bytes) -> Iterator[Message]:
    if not raw:
        return
    body = _object(raw)
    events = [] if body is not None else list(_events(raw))
    if body is None and not events:
        yield Message("as it left", _plain(raw))
        return
    text = "".join(map(_delta, events)) if body is None else _whole(body)
    yield Message("assistant", text or _as_json(body if body is not None else events))


def _whole(body: Mapping[str, Any]) -> str:
    """The text of a whole answer: of a chat, of Messages, of Responses."""
    if isinstance(choices := body.get("choices"), list):
        return "\n\n".join(_message(c["message"]) for c in choices if isinstance(c, Mapping) and "message" in c)
    if isinstance(output := body.get("output"), list):
        return "\n\n".join(_message(one) for one in output if isinstance(one, Mapping))
    return text_of(body["content"]) if "content" in body else ""


def _events(raw: bytes) -> Iterator[Mapping[str, Any]]:
    """The JSON of each event of a stream; the last one may be cut."""
    for line in raw.split(b"\n"):
        if line.startswith(b"data:") and (event := _object(line[5:].strip())) is not None:
            yield event


def _delta(event: Mapping[str, Any]) -> str:
    """What an event adds to the text."""
    delta = event.get("delta")
    if isinstance(delta, str):  # Responses
        return delta if str(event.get("type", "")).endswith("text.delta") else ""
    if isinstance(delta, Mapping):  # Messages
        return str(delta.get("text") or delta.get("partial_json") or "")
    choices = event.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else {}
    said = first.get("delta") if isinstance(first, Mapping) else None
    if not isinstance(said, Mapping):
        return ""
    calls = "".join(_call(call) for call in said.get("tool_calls") or () if isinstance(call, Mapping))
    return str(said.get("content") or "") + calls


def text_of(content: Any) -> str:
    """The text of a message's content; what is no text is named by its type."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(map(_part, content))
    return _as_json(content)


def _part(part: Any) -> str:
    if not isinstance(part, Mapping):
        return text_of(part)
    kind = str(part.get("type", ""))
    if kind in TEXT_TYPES:
        return str(part.get("text") or part.get("thinking") or "")
    if kind in ("tool_use", "tool_result", "function_call"):
        return f"[{kind}] {_as_json(part)}"
    return f"[{kind or 'a part'}]"


def _call(call: Mapping[str, Any]) -> str:
    function = call.get("function")
    named = function if isinstance(function, Mapping) else {}
    return (
        f"[calls {named['name']}] {named.get('arguments') or ''}"
        if named.get("name")
        else str(named.get("arguments", ""))
    )


def _object(raw: bytes) -> Mapping[str, Any] | None:
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return found if isinstance(found, dict) else None


def _as_json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _plain(raw: bytes) -> str:
    return raw.decode(errors="replace")
