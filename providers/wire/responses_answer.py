"""What does an upstream of Responses say to a client of Responses? Its own bytes, and what matters for the record.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from providers.chat import Answer, ChatChunk, Chunk, ChunkChoice, Delta, FunctionCall, ToolCall
from providers.errors import BadUpstreamResponse, ProviderError
from providers.targets import Target
from providers.wire import loose
from providers.wire.composing import unix_time
from providers.wire.cutting import is_event_stream
from providers.wire.passing import quoted
from providers.wire.refusals import refusal_inside
from providers.wire.responses_object import Item, length_of, read_response, refused, usage_of, whole_of
from providers.wire.sse import SseDecoder

CUT: Final = "the stream closed before response.completed"
TEXT: Final = "response.output_text.delta"
SAYS: Final = {  # which field of a chat's delta an event's `delta` belongs to
    "response.refusal.delta": "refusal",
    "response.reasoning_summary_text.delta": "reasoning_content",
    "response.reasoning_text.delta": "reasoning_content",
}
ARGUMENTS: Final = frozenset(
    {
        "response.function_call_arguments.delta",
        "response.custom_tool_call_input.delta",
        "response.mcp_call_arguments.delta",
        "response.code_interpreter_call_code.delta",
    }
)
ENDS: Final = frozenset({"response.completed", "response.incomplete"})
FAILS: Final = frozenset({"response.failed", "response.cancelled"})


class Event(Struct):
    type: str
    delta: Any = None
    item: Item | None = None
    response: Raw | UnsetType = UNSET


_event: Final = msgspec.json.Decoder(Event).decode
_fields: Final = msgspec.json.Decoder(dict[str, Raw]).decode


def native_answer(body: bytes, target: Target) -> Answer:
    """A whole response as it came, in our model's name; raises `ProviderError`."""
    if is_event_stream(body):
        body = _last_response(body, target)
    body, response = read_response(body)
    return Answer(
        data=_renamed(body, target.model),
        id=response.id,
        served_model=response.model,
        finish_reason=response.finish,
        usage=usage.tokens() if (usage := usage_of(response)) else None,
        text_length=sum(length_of(item) for item in response.items),
        native=True,
        marks=response.marks + tuple(mark for item in response.items for mark in item.marks),
    )


class ResponsesDecoder(SseDecoder):
    """Passes every event of a stream on, each with what it says in the chat's form."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self._target = target
        self._id = self._served = ""
        self._created = unix_time()

    @property
    def _complete(self) -> bool:
        return self._done

    def _take(self, message: bytes, chunks: list[Chunk]) -> None:
        if message == b"[DONE]":
            self._end(chunks)
            return
        message, event = _decoded(message)
        if event.type == "error" or event.type in FAILS:
            raise _failure(message, event)
        if event.response is not UNSET:
            chunks.append(self._of_response(message, event))
        elif event.item is not None:
            chunks.append(self._of_item(message, event.type, event.item))
        else:
            chunks.append(self._chunk(message, event.type, _delta(event)))

    def _of_response(self, message: bytes, event: Event) -> Chunk:
        """The response as it stands: at the beginning, and whole at the end."""
        assert event.response is not UNSET
        body, response = read_response(bytes(event.response), ended=event.type in ENDS)
        self._id, self._served = response.id, response.model
        named = Raw(_renamed(body, self._target.model))
        message = msgspec.json.encode(_fields(message) | {"response": named})
        chunk = self._chunk(message, event.type, None)
        if event.type in ENDS:
            self._done = True
            chunk.event.choices = [ChunkChoice(0, Delta(), response.finish)]
            chunk.event.usage = usage_of(response) or UNSET
            chunk.marks = response.marks
        return chunk

    def _of_item(self, message: bytes, kind: str, item: Item) -> Chunk:
        """A call begins to be an answer with its name."""
        delta = None
        if kind == "response.output_item.added" and item.type.endswith("_call"):
            delta = Delta(tool_calls=[ToolCall(0, item.call_id or item.id, "function", FunctionCall(item.name))])
        chunk = self._chunk(message, kind, delta)
        chunk.marks = item.marks
        return chunk

    def _take_whole(self, body: bytes, chunks: list[Chunk]) -> None:
        """The upstream ignores `stream`: its response goes through the chat's form to become events."""
        _, response = read_response(body)
        chunks.extend(whole_of(response).chunks(self._target.model))
        self._done = True

    def _end(self, chunks: list[Chunk]) -> None:
        if not self._done:
            raise BadUpstreamResponse(CUT)

    def _chunk(self, message: bytes, kind: str, delta: Delta | None) -> Chunk:
        choices = [] if delta is None else [ChunkChoice(0, delta)]
        said = ChatChunk(id=self._id, created=self._created, model=self._served, choices=choices)
        return Chunk(_line(kind) + message + b"\n\n", said, native=True)


@lru_cache(maxsize=256)
def _line(kind: str) -> bytes:
    """What stands before an event's data; a name from outside is kept on its line."""
    return b"event: " + "".join(kind.split()).encode() + b"\ndata: "


def _decoded(message: bytes) -> tuple[bytes, Event]:
    """An event and its bytes, both without what is no UTF-8."""
    try:
        return message, _event(loose.text(message))
    except loose.MALFORMED:
        payload = loose.loads(message)
    if isinstance(payload, dict) and payload.get("error") and "type" not in payload:
        raise refusal_inside(payload)
    message = msgspec.json.encode(payload)
    try:
        return message, _event(message)
    except msgspec.ValidationError as exc:
        raise BadUpstreamResponse(f"an event of the stream is none of Responses: {exc}") from exc


def _failure(message: bytes, event: Event) -> ProviderError:
    payload = loose.loads(message)
    response = payload.get("response")
    error = (response.get("error") if isinstance(response, dict) else payload.get("error")) or payload
    return refused(error if isinstance(error, dict) else {"message": str(error)})


def _renamed(body: bytes, model: str) -> bytes:
    return msgspec.json.encode(_fields(body) | {"model": quoted(model)})


def _last_response(body: bytes, target: Target) -> bytes:
    """The response at the end of a stream that came where one body was asked for."""
    decoder = ResponsesDecoder(target)
    chunks = decoder.feed(body) + decoder.finish()
    if decoder.pending is not None:
        raise decoder.pending
    return bytes(_fields(chunks[-1].data.partition(b"\ndata: ")[2])["response"])


def _delta(event: Event) -> Delta | None:
    if not isinstance(event.delta, str):
        return None
    if event.type == TEXT:  # nearly every event of a long answer
        return Delta(content=event.delta)
    if name := SAYS.get(event.type):
        delta = Delta()
        setattr(delta, name, event.delta)
        return delta
    if event.type in ARGUMENTS:
        return Delta(tool_calls=[ToolCall(0, function=FunctionCall(arguments=event.delta))])
    return None
