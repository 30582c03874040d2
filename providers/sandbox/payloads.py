"""How each fault changes what an answer says: its names, counts, tool calls, characters."""

import re
from typing import Any, Final

import msgspec

from providers.sandbox.drafts import Draft
from providers.sandbox.steps import Step

ABSURD: Final = 10**15
QUOTED: Final = re.compile(rb'"(?:content|text)":"[^"]')  # where a text begins, on every wire


def wrong_model(draft: Draft, step: Step) -> None:
    for event in draft.events:
        _replace(event.payload, draft.wire.model_key, "somebody-else-7b")


def odd_head(draft: Draft, step: Step) -> None:
    for event in draft.events:
        _drop(event.payload, "id")
        for name in ("created", "created_at"):
            _replace(event.payload, name, 1735689600.25)


def bad_usage(draft: Draft, step: Step) -> None:
    for event in draft.events:
        for name in draft.wire.usage_counts:
            _replace(event.payload, name, ABSURD if "prompt" in name or "input" in name else -7)


def no_usage(draft: Draft, step: Step) -> None:
    draft.events = [event for event in draft.events if event.kind != "usage"]
    for event in draft.events:
        for name in draft.wire.usage_fields:
            _drop(event.payload, name)


def usage_twice(draft: Draft, step: Step) -> None:
    """A first report tells of one token each; the last one is right."""
    for at, event in enumerate(draft.events):
        if event.kind == "usage":
            early = msgspec.json.decode(msgspec.json.encode(event.payload))
            for name in draft.wire.usage_counts:
                _replace(early, name, 1)
            draft.events.insert(at, msgspec.structs.replace(event, payload=early))
            return


def role_twice(draft: Draft, step: Step) -> None:
    for at, event in enumerate(draft.events):
        if event.kind == "start":
            draft.events.insert(at, msgspec.structs.replace(event, wait_s=0.0))
            return


def empty_deltas(draft: Draft, step: Step) -> None:
    """Between the events stand some that say nothing."""
    for at in range(len(draft.events) - 1, -1, -1):
        event = draft.events[at]
        if event.kind == "content" and isinstance(event.payload, dict) and "choices" in event.payload:
            choices = [{"index": 0, "delta": {}, "finish_reason": None}]
            draft.events.insert(at, msgspec.structs.replace(event, payload=event.payload | {"choices": choices}))


def tool_gaps(draft: Draft, step: Step) -> None:
    """Tool calls are numbered 1, 3, 5 ..."""
    for call in _tool_calls(draft):
        if "index" in call:
            call["index"] = 2 * call["index"] + 1


def tool_id_twice(draft: Draft, step: Step) -> None:
    """All tool calls have the first one's id."""
    for call in _tool_calls(draft):
        if call.get("id"):
            call["id"] = "call_same"


def wrong_types(draft: Draft, step: Step) -> None:
    at = draft.after(step.after or 0) if draft.stream else 0
    payload = draft.events[at].payload
    if isinstance(payload, dict) and draft.answer_key in payload:
        payload[draft.answer_key] = {"wrong": [1, {"type": True}]}


def invalid_utf8(draft: Draft, step: Step) -> None:
    _put_before_text(draft, b"\xff\xc3")


def lone_surrogate(draft: Draft, step: Step) -> None:
    _put_before_text(draft, b"\\ud83d")


def ascii_escapes(draft: Draft, step: Step) -> None:
    """Every character beyond ASCII as JSON may escape it, those beyond 16 bits as two surrogates."""
    for piece in draft.pieces:
        escaped = piece.data.decode().encode("utf-16-be", "surrogatepass")
        units = (int.from_bytes(escaped[at : at + 2], "big") for at in range(0, len(escaped), 2))
        piece.data = "".join(chr(unit) if unit < 128 else f"\\u{unit:04x}" for unit in units).encode()
    _measure(draft)


def _put_before_text(draft: Draft, data: bytes) -> None:
    """Put bytes in front of the answer's first text."""
    for piece in draft.pieces:
        if found := QUOTED.search(piece.data):
            at = found.end() - 1
            piece.data = piece.data[:at] + data + piece.data[at:]
            _measure(draft)
            return


def _measure(draft: Draft) -> None:
    """Let the length that is told be that of what is sent."""
    if draft.length is not None:
        draft.length = sum(len(piece.data) for piece in draft.pieces)


def _tool_calls(draft: Draft) -> list[dict[str, Any]]:
    """The tool calls of OpenAI's events and answers; other wires number nothing."""
    payloads = [event.payload for event in draft.events if isinstance(event.payload, dict)]
    choices = [choice for payload in payloads for choice in payload.get("choices", ())]
    said = [choice.get("delta") or choice.get("message") or {} for choice in choices]
    return [call for message in said for call in message.get("tool_calls", ())]


def _replace(payload: Any, name: str, value: Any) -> None:
    """Set `name` wherever it stands in the payload."""
    if not isinstance(payload, dict):
        return
    for key, inner in payload.items():
        if key == name:
            payload[key] = value
        else:
            _replace(inner, name, value)


def _drop(payload: Any, name: str) -> None:
    if isinstance(payload, dict):
        payload.pop(name, None)
        for inner in payload.values():
            _drop(inner, name)
