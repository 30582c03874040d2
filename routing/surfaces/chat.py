"""How do clients of OpenAI's chat completions speak? In the internal form itself: bytes pass through."""

from typing import Final

import msgspec

from providers.chat import Answer, ChatBody, ChatRequest, Chunk
from providers.wire.signatures import signed_marks
from routing.surfaces.base import Read, StreamWriter, Surface, Told, with_field

DONE: Final = b"data: [DONE]\n\n"
METADATA: Final = "routing_metadata"
_decode: Final = msgspec.json.Decoder(ChatBody).decode


class Chat(Surface):
    name = "chat"
    paths = ("/v1/chat/completions", "/chat/completions")

    def read(self, raw: bytes) -> Read:
        body = _decode(raw)
        return Read(body, raw, signed_marks(body) + open_calls(body))

    def whole(self, answer: Answer, request: ChatRequest) -> bytes:
        return answer.data

    def writer(self, request: ChatRequest, explain: bool) -> StreamWriter:
        return ChatWriter(request.wants_usage, explain)

    def error(self, error: Told) -> bytes:
        return openai_error(error)


class ChatWriter(StreamWriter):
    """The chunks as they are, the usage only where it was asked for."""

    def __init__(self, wants_usage: bool, explain: bool) -> None:
        self._wants_usage = wants_usage
        self._explain = explain
        self._held = b""

    def write(self, chunks: list[Chunk]) -> bytes:
        events = [c.data for c in chunks if self._wants_usage or c.event.choices]
        if not self._explain:
            return b"".join(events)
        if self._held:
            events.insert(0, self._held)
        self._held = events.pop() if events else b""
        return b"".join(events)

    def end(self, metadata: bytes | None) -> bytes:
        if not (self._held and metadata):
            return self._held + DONE
        payload = self._held.removeprefix(b"data: ").rstrip()
        return b"data: " + with_field(payload, METADATA, metadata) + b"\n\n" + DONE

    def broken(self, error: Told) -> bytes:
        """No `[DONE]`: a cut is never presented as success."""
        return self._held + b"data: " + openai_error(error) + b"\n\n"


def openai_error(error: Told) -> bytes:
    """`{"error": {...}}` with all four keys, as OpenAI's clients expect it."""
    shown = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    return msgspec.json.encode({"error": shown})


def open_calls(body: ChatBody) -> tuple[str, ...]:
    """The ids of the tool calls that the end of the conversation answers: a loop that its model has to finish."""
    if not body.messages or body.messages[-1].role != "tool":
        return ()
    ids = []
    for message in reversed(body.messages):
        if message.role != "tool":
            break
        if message.tool_call_id:
            ids.append(message.tool_call_id)
    return tuple(ids)
