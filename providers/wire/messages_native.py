"""How does a client of Messages reach an upstream of Messages? Its body and the answer pass but for the model's name.

https://docs.claude.com/en/api/messages
"""

from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw

from providers.chat import Answer, ChatChunk, ChatRequest, Chunk, ChunkChoice, Delta, WireUsage
from providers.requests import Request
from providers.targets import Target
from providers.wire import loose
from providers.wire.composing import unix_time
from providers.wire.fitting import shortened
from providers.wire.headers import wire_headers
from providers.wire.messages_answer import read_message, whole_of
from providers.wire.messages_events import CALL, Block, Event, MessageBody, MessagesReader
from providers.wire.messages_thoughts import leave_thoughts_out
from providers.wire.passing import passed_fields, quoted

SURFACE: Final = "messages"
BETAS: Final = "anthropic-beta"
Headers = tuple[tuple[str, str], ...]

decode_fields: Final = msgspec.json.Decoder(dict[str, Raw]).decode


def native_body(request: ChatRequest, target: Target) -> tuple[bytes, tuple[str, ...]]:
    """The caller's own body for this target, and what could not be sent along."""
    fields = passed_fields(request.native, request, target)
    warnings = shortened(fields, request, target)
    warnings += leave_thoughts_out(fields, request.native, request.may_carry_to(target.id))
    return msgspec.json.encode(fields), warnings


def native_headers(auth: Headers, request: Request, target: Target) -> Headers:
    """Ours with the caller's, the operator's over both; betas add up."""
    headers = dict(auth)
    for name, value in request.headers:
        headers[name] = f"{headers[name]},{value}" if name == BETAS and name in headers else value
    merged = dict(wire_headers(tuple(headers.items()), target))
    if BETAS in headers and merged[BETAS] != headers[BETAS]:
        merged[BETAS] = f"{merged[BETAS]},{headers[BETAS]}"
    return tuple(merged.items())


def native_path(path: str, request: Request) -> str:
    """With the query that Anthropic's own clients add where they ask for a beta."""
    return f"{path}?beta=true" if any(name == BETAS for name, _ in request.headers) else path


def native_answer(body: bytes, target: Target) -> Answer:
    """A whole message as it came, in our model's name; raises `ProviderError`."""
    message = read_message(body)
    answer = whole_of(message).answer(target.model)
    return msgspec.structs.replace(
        answer,
        data=msgspec.json.encode(decode_fields(_right(body)) | {"model": quoted(target.model)}),
        native=True,
        marks=tuple(mark for block in message.content for mark in block.marks),
    )


class NativeDecoder(MessagesReader):
    """Passes every event of a stream on, each with what it says in the chat's form."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self._model = target.model
        self._id = self._served = ""
        self._created = unix_time()

    def _is_call(self, block: Block) -> bool:
        return block.type.endswith(CALL)  # the upstream's own tools as well: their input is output that is paid for

    def _begin(self, payload: bytes, message: MessageBody, chunks: list[Chunk]) -> None:
        self._id, self._served = message.id, message.model
        fields = decode_fields(payload)
        named = decode_fields(fields["message"]) | {"model": quoted(self._model)}
        renamed = msgspec.json.encode(fields | {"message": named})
        chunk = self._chunk("message_start", renamed, [ChunkChoice(0, Delta(role="assistant", content=""))])
        chunk.prompt = message.usage.prompt
        chunks.append(chunk)

    def _say(self, payload: bytes, event: Event, delta: Delta | None, chunks: list[Chunk]) -> None:
        chunk = self._chunk(event.type, payload, [ChunkChoice(0, delta)] if delta is not None else [])
        if event.content_block is not None:
            chunk.marks = event.content_block.marks
        elif event.delta is not None and event.delta.signature:
            chunk.marks = (event.delta.signature,)
        chunks.append(chunk)

    def _finish(self, payload: bytes, finish: str, usage: WireUsage | None, chunks: list[Chunk]) -> None:
        chunk = self._chunk("message_stop", payload, [ChunkChoice(0, Delta(), finish)])
        chunk.event.usage = usage or UNSET
        chunks.append(chunk)

    def _take_whole(self, body: bytes, chunks: list[Chunk]) -> None:
        """The upstream ignores `stream`: its message goes through the chat's form to become events."""
        chunks.extend(whole_of(read_message(body)).chunks(self._model))
        self._done = True

    def _chunk(self, name: str, payload: bytes, choices: list[ChunkChoice]) -> Chunk:
        said = ChatChunk(id=self._id, created=self._created, model=self._served, choices=choices)
        return Chunk(_line(name) + payload + b"\n\n", said, native=True)


LINES: Final = {
    name: f"event: {name}\ndata: ".encode()
    for name in (
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
    )
}


def _line(name: str) -> bytes:
    """What stands before an event's data; a name from outside is kept on its line."""
    return LINES.get(name) or f"event: {''.join(name.split())}\ndata: ".encode()


def _right(body: bytes) -> bytes:
    """The same bytes where they are JSON in UTF-8, else what they mean."""
    try:
        decode_fields(loose.text(body))
    except loose.MALFORMED:
        payload: Any = loose.loads(body)
        return msgspec.json.encode(payload)
    return body
