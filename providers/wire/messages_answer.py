"""What does Anthropic's answer say? A message in one piece or as events; both end as OpenAI's.

https://docs.claude.com/en/docs/build-with-claude/streaming
"""

from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from providers.chat import Chunk, Delta, FunctionCall, TokenUsage, ToolCall, WireUsage
from providers.errors import BadUpstreamResponse
from providers.targets import Target
from providers.wire import loose
from providers.wire.composing import Composer, unix_time
from providers.wire.counts import ABSURD
from providers.wire.finishes import openai_finish
from providers.wire.refusals import refusal_inside
from providers.wire.sse import SseDecoder
from providers.wire.whole import Whole, WholeChoice, WholeMessage

T = TypeVar("T")
CUT: Final = "the stream closed before message_stop"


class OutputDetails(Struct):
    thinking_tokens: int | None = None


class Usage(Struct, omit_defaults=True):
    """Anthropic's counts: `input_tokens` without what was read from or written to the cache."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None

    def updated(self, later: "Usage") -> "Usage":
        """Counts are cumulative: what comes later replaces what came before."""
        newer = {name: value for name, value in msgspec.structs.asdict(later).items() if value is not None}
        return msgspec.structs.replace(self, **newer)

    def wire(self) -> WireUsage | None:
        """The same as OpenAI counts, None where it is unknown or absurd."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        fresh, read, written, completion = (
            max(count or 0, 0)
            for count in (
                self.input_tokens,
                self.cache_read_input_tokens,
                self.cache_creation_input_tokens,
                self.output_tokens,
            )
        )
        if max(fresh + read + written, completion) > ABSURD:
            return None
        thought = (self.output_tokens_details and self.output_tokens_details.thinking_tokens) or 0
        reasoning = min(max(thought, 0), completion)
        return WireUsage.of(TokenUsage(fresh + read + written, completion, read, written, reasoning))


class Block(Struct):
    """A content block; `input` is an object, empty where it follows in pieces."""

    type: str
    text: str | None = None
    thinking: str | None = None
    id: str = ""
    name: str = ""
    input: dict[str, Any] | None = None


class MessageBody(Struct, kw_only=True):
    id: str
    model: str
    content: list[Block] = []
    stop_reason: str | None = None
    usage: Usage = msgspec.field(default_factory=Usage)


class Piece(Struct):
    """The `delta` of an event: of a block, or of the message."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class Event(Struct):
    type: str
    index: int = 0
    message: MessageBody | None = None
    content_block: Block | None = None
    delta: Piece | None = None
    usage: Usage | None = None
    error: Any | UnsetType = UNSET


decode_event: Final = msgspec.json.Decoder(Event).decode


def read_message(body: bytes) -> Whole:
    """Read a message in one piece; raises `ProviderError`."""
    payload = loose.loads(body)
    if isinstance(payload, dict) and payload.get("error"):
        raise refusal_inside(payload)
    try:
        message = msgspec.convert(payload, MessageBody)
    except msgspec.ValidationError as exc:
        raise BadUpstreamResponse(f"the answer is not a message: {exc}") from exc
    if not isinstance(payload.get("content"), list) or message.stop_reason is None:
        raise BadUpstreamResponse("the answer is not a whole message")
    return Whole(
        id=message.id,
        created=unix_time(),
        model=message.model,
        choices=[WholeChoice(message=_whole(message.content), finish_reason=openai_finish(message.stop_reason))],
        usage=message.usage.wire() or UNSET,
    )


class MessagesDecoder(SseDecoder):
    """Decodes one stream of message events."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self._model = target.model
        self._head: Composer | None = None
        self._usage = Usage()
        self._stop_reason: str | None = None
        self._calls: dict[int, int] = {}  # index of a content block -> index of its tool call
        self._without_arguments: set[int] = set()  # blocks of tool calls whose arguments have not begun

    @property
    def _complete(self) -> bool:
        return self._done

    def _take(self, message: bytes, chunks: list[Chunk]) -> None:
        try:
            event = decode_event(message)
        except loose.MALFORMED:
            event = _repaired(message)
        if event.error is not UNSET and event.error is not None:
            raise refusal_inside({"error": event.error})
        if event.message is not None:
            self._start(event.message, chunks)
        elif self._head is None:
            self._refuse_content(event)
        else:
            self._go_on(event, self._head, chunks)

    def _take_whole(self, body: bytes, chunks: list[Chunk]) -> None:
        chunks.extend(read_message(body).chunks(self._model))
        self._done = True

    def _end(self, chunks: list[Chunk]) -> None:
        raise BadUpstreamResponse(CUT)  # the end that counts is message_stop

    def _start(self, message: MessageBody, chunks: list[Chunk]) -> None:
        self._head = Composer(message.id, unix_time(), message.model, self._model)
        self._usage = message.usage
        chunks.append(self._head.chunk(Delta(role="assistant", content="")))

    def _refuse_content(self, event: Event) -> None:
        """Before `message_start` only a ping, or an event that we do not know, may come."""
        if event.content_block is not None or event.delta is not None:
            raise BadUpstreamResponse("the stream does not begin with message_start")
        if event.type == "message_stop":
            raise BadUpstreamResponse(CUT)

    def _go_on(self, event: Event, head: Composer, chunks: list[Chunk]) -> None:
        match event.type:
            case "content_block_delta":
                delta = self._piece(event.index, _there(event.delta))
            case "content_block_start":
                delta = self._block(event.index, _there(event.content_block))
            case "content_block_stop":
                delta = self._block_end(event.index)
            case "message_delta":
                self._note_end(event)
                return
            case "message_stop":
                self._finish_answer(head, chunks)
                return
            case _:
                return
        if delta is not None:
            chunks.append(head.chunk(delta))

    def _piece(self, index: int, piece: Piece) -> Delta | None:
        if piece.text:
            return Delta(content=piece.text)
        if piece.thinking:
            return Delta(reasoning_content=piece.thinking)
        if piece.partial_json and index in self._calls:
            self._without_arguments.discard(index)
            return _arguments(self._calls[index], piece.partial_json)
        return None  # a signature or a citation, which OpenAI's form has no place for

    def _block(self, index: int, block: Block) -> Delta | None:
        if block.type != "tool_use":
            return self._piece(index, Piece(text=block.text, thinking=block.thinking))
        number = self._calls[index] = len(self._calls)
        arguments = msgspec.json.encode(block.input).decode() if block.input else ""
        if not arguments:
            self._without_arguments.add(index)
        return Delta(tool_calls=[ToolCall(number, block.id, "function", FunctionCall(block.name, arguments))])

    def _block_end(self, index: int) -> Delta | None:
        if index not in self._without_arguments:
            return None
        self._without_arguments.discard(index)
        return _arguments(self._calls[index], "{}")

    def _note_end(self, event: Event) -> None:
        if event.delta is not None and event.delta.stop_reason:
            self._stop_reason = event.delta.stop_reason
        if event.usage is not None:
            self._usage = self._usage.updated(event.usage)

    def _finish_answer(self, head: Composer, chunks: list[Chunk]) -> None:
        if self._stop_reason is None:
            raise BadUpstreamResponse("the stream ended without a stop_reason")
        self._done = True
        chunks.append(head.chunk(Delta(), openai_finish(self._stop_reason)))
        usage = self._usage.wire()
        if usage is not None:
            chunks.append(head.usage(usage))


def _repaired(message: bytes) -> Event:
    try:
        return msgspec.convert(loose.loads(message), Event)
    except msgspec.ValidationError as exc:
        raise BadUpstreamResponse(f"an event of the stream is malformed: {exc}") from exc


def _there(part: T | None) -> T:
    if part is None:
        raise BadUpstreamResponse("an event of the stream has no content")
    return part


def _whole(blocks: list[Block]) -> WholeMessage:
    texts = [block.text for block in blocks if block.type == "text" and block.text]
    thoughts = [block.thinking for block in blocks if block.type == "thinking" and block.thinking]
    calls = [_whole_call(block) for block in blocks if block.type == "tool_use"]
    return WholeMessage(
        content="".join(texts) if texts or not calls else None,
        reasoning_content="".join(thoughts) or UNSET,
        tool_calls=calls or UNSET,
    )


def _whole_call(block: Block) -> dict[str, Any]:
    arguments = msgspec.json.encode(block.input or {}).decode()
    return {"id": block.id, "type": "function", "function": {"name": block.name, "arguments": arguments}}


def _arguments(number: int, piece: str) -> Delta:
    return Delta(tool_calls=[ToolCall(number, function=FunctionCall(arguments=piece))])
