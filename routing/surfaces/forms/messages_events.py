"""How does a stream of chunks become the events of Messages? Block after block, each opened, filled and closed.

https://docs.claude.com/en/docs/build-with-claude/streaming
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from providers.chat import ChatRequest, Chunk, Delta, TokenUsage, ToolCall
from routing.surfaces.base import StreamWriter, Told, with_field
from routing.surfaces.chat import METADATA
from routing.surfaces.forms.messages_body import shows_thinking
from routing.surfaces.forms.messages_errors import error_body
from routing.surfaces.forms.messages_said import estimated_usage, message_head, stop_reason, usage_of

EMPTY: Final[dict[str, dict[str, Any]]] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}
END: Final = b'{"type":"message_stop"}'


class Named(Struct):
    """What only a chunk's bytes say: our name of the model."""

    model: str


_named: Final = msgspec.json.Decoder(Named).decode


class MessagesWriter(StreamWriter):
    """Events as they came where the upstream speaks Messages, made from the chat's chunks where it does not.

    A block is closed when another begins; what a server sends for an earlier tool call after that still goes to its
    own block.
    """

    def __init__(self, request: ChatRequest, explain: bool) -> None:
        self._request = request
        self._explain = explain
        self._thinking = shows_thinking(request.native)
        self._native = self._begun = False
        self._held = b""
        self._events: list[bytes] = []
        self._open: str | None = None  # the kind of the block that is being filled
        self._blocks = 0
        self._calls: dict[int, int] = {}  # index of a tool call -> index of its block
        self._finish: str | None = None
        self._usage: TokenUsage | None = None
        self._characters = 0

    def write(self, chunks: list[Chunk]) -> bytes:
        for chunk in chunks:
            if chunk.native:
                self._native = True
                self._events.append(chunk.data)
            else:
                self._take(chunk)
        return self._written()

    def end(self, metadata: bytes | None) -> bytes:
        if self._native:
            return with_field(self._held, METADATA, metadata) + b"\n\n" if self._held and metadata else self._held
        self._close()
        usage = self._usage or estimated_usage(self._request, self._characters)
        delta = {"stop_reason": stop_reason(self._finish, bool(self._calls)), "stop_sequence": None}
        self._add("message_delta", delta=delta, usage=usage_of(usage))
        self._events.append(_event("message_stop", with_field(END, METADATA, metadata) if metadata else END))
        return b"".join(self._events)

    def broken(self, error: Told) -> bytes:
        """No `message_stop`: a cut is never presented as success."""
        return self._held + b"".join(self._events) + _event("error", error_body(error))

    def _written(self) -> bytes:
        """The events so far; the last native one is kept back where an explanation may have to go into it."""
        events, self._events = self._events, []
        if not (self._explain and self._native and events):
            return b"".join(events)
        held, self._held = self._held, events.pop()
        return held + b"".join(events)

    def _take(self, chunk: Chunk) -> None:
        event = chunk.event
        if not self._begun:
            self._begin(chunk)
        if event.usage:
            self._usage = event.usage.tokens()
        self._characters += chunk.content_length
        for choice in event.choices:
            if choice.index == 0:
                self._say(choice.delta)
                self._finish = choice.finish_reason or self._finish

    def _begin(self, chunk: Chunk) -> None:
        self._begun = True
        model = _named(chunk.data.removeprefix(b"data: ")).model
        usage = usage_of(estimated_usage(self._request, 0))
        self._add("message_start", message=message_head(chunk.event.id, model, []) | {"usage": usage})

    def _say(self, delta: Delta) -> None:
        if delta.reasoning_content and self._thinking:
            self._fill("thinking", {"type": "thinking_delta", "thinking": delta.reasoning_content})
        for text in (delta.content, delta.refusal):
            if text:
                self._fill("text", {"type": "text_delta", "text": text})
        for call in delta.tool_calls or ():
            self._call(call)

    def _fill(self, kind: str, delta: dict[str, str]) -> None:
        if self._open != kind:
            self._start(kind, EMPTY[kind])
        self._add("content_block_delta", index=self._blocks - 1, delta=delta)

    def _call(self, call: ToolCall) -> None:
        index = call.index or 0
        name, piece = (call.function.name, call.function.arguments) if call.function else (None, None)
        if index not in self._calls:
            self._calls[index] = self._blocks
            self._start("tool_use", {"type": "tool_use", "id": call.id or "", "name": name or "", "input": {}})
        if piece:
            delta = {"type": "input_json_delta", "partial_json": piece}
            self._add("content_block_delta", index=self._calls[index], delta=delta)

    def _start(self, kind: str, block: dict[str, Any]) -> None:
        self._close()
        self._add("content_block_start", index=self._blocks, content_block=block)
        self._open = kind
        self._blocks += 1

    def _close(self) -> None:
        if self._open is not None:
            self._add("content_block_stop", index=self._blocks - 1)
            self._open = None

    def _add(self, name: str, **fields: Any) -> None:
        self._events.append(_event(name, msgspec.json.encode({"type": name, **fields})))


def _event(name: str, payload: bytes) -> bytes:
    """Every event has its `event:` line: without it Anthropic's SDK yields nothing."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), payload)
