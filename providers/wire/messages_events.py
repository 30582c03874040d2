"""What do the events of Anthropic's stream say? Read once, for those who translate them and those who pass them on.

https://docs.claude.com/en/docs/build-with-claude/streaming
"""

from abc import abstractmethod
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from providers.chat import Chunk, Delta, FunctionCall, TokenUsage, ToolCall, WireUsage
from providers.errors import BadUpstreamResponse
from providers.wire import loose
from providers.wire.counts import ABSURD
from providers.wire.finishes import openai_finish
from providers.wire.refusals import refusal_inside
from providers.wire.sse import SseDecoder

T = TypeVar("T")
CUT: Final = "the stream closed before message_stop"
CALL: Final = "tool_use"
COMPACTION: Final = "compaction"  # a summary that the upstream made of the conversation before it answered


class OutputDetails(Struct):
    thinking_tokens: int | None = None


class Written(Struct):
    """What was written to the cache, by how long it stays."""

    ephemeral_1h_input_tokens: int | None = None


class Usage(Struct, omit_defaults=True):
    """Anthropic's counts: `input_tokens` without what was read from or written to the cache."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: Written | None = None
    output_tokens_details: OutputDetails | None = None
    type: str = ""  # of an iteration
    iterations: Any = None  # what is billed; those of compaction are in no other count

    def updated(self, later: "Usage") -> "Usage":
        """Counts are cumulative: what comes later replaces what came before."""
        newer = {name: value for name, value in msgspec.structs.asdict(later).items() if value is not None}
        return msgspec.structs.replace(self, **newer)

    def wire(self) -> WireUsage | None:
        """The same as OpenAI counts, None where it is unknown or absurd."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        if summaries := _summaries(self.iterations):
            return self._with(summaries).wire()
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
        for_an_hour = (self.cache_creation and self.cache_creation.ephemeral_1h_input_tokens) or 0
        hour = min(max(for_an_hour, 0), written)
        prompt = fresh + read + written
        return WireUsage.of(TokenUsage(prompt, completion, read, written - hour, reasoning, cache_write_1h=hour))

    def _with(self, others: list["Usage"]) -> "Usage":
        """The sum of these counts and others'."""
        every = [self, *others]
        sums = {name: sum(max(getattr(each, name) or 0, 0) for each in every) for name in SUMMED}
        hours = [each.cache_creation.ephemeral_1h_input_tokens or 0 for each in every if each.cache_creation]
        return msgspec.structs.replace(self, **sums, cache_creation=Written(sum(hours)), iterations=None)

    @property
    def prompt(self) -> TokenUsage | None:
        """What is known of the prompt when the answer begins."""
        usage = msgspec.structs.replace(self, output_tokens=0).wire()
        return usage.tokens() if usage is not None else None


SUMMED: Final = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def _summaries(iterations: Any) -> list[Usage]:
    """The counts of compactions; what is no list of counts says nothing."""
    try:
        found = msgspec.convert(iterations or [], list[Usage])
    except msgspec.ValidationError:
        return []
    return [each for each in found if each.type == COMPACTION]


class Block(Struct):
    """A content block; `input` is an object, empty where it follows in pieces. `data` is redacted thinking."""

    type: str
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: Any = None
    id: str = ""
    name: str = ""
    input: dict[str, Any] | None = None

    @property
    def marks(self) -> tuple[str, ...]:
        """What binds a conversation with this block to who wrote it."""
        match self.type:
            case "thinking":
                return (self.signature,) if self.signature else ()
            case "redacted_thinking":
                return (self.data,) if isinstance(self.data, str) and self.data else ()
            case "tool_use":
                return (self.id,) if self.id else ()
        return ()


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
    signature: str | None = None
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


class MessagesReader(SseDecoder):
    """Reads one stream of message events; what comes of each is for the subclass to say."""

    def __init__(self) -> None:
        super().__init__()
        self._begun = False
        self._usage = Usage()
        self._stop_reason: str | None = None
        self._calls: dict[int, int] = {}  # index of a content block -> index of its tool call
        self._without_arguments: set[int] = set()  # blocks of tool calls whose arguments have not begun

    @abstractmethod
    def _begin(self, payload: bytes, message: MessageBody, chunks: list[Chunk]) -> None:
        """Say that an answer begins."""

    @abstractmethod
    def _say(self, payload: bytes, event: Event, delta: Delta | None, chunks: list[Chunk]) -> None:
        """Say what an event means as OpenAI's delta, None where that has no place for it."""

    @abstractmethod
    def _finish(self, payload: bytes, finish: str, usage: WireUsage | None, chunks: list[Chunk]) -> None:
        """Say that the answer is whole."""

    @property
    def _complete(self) -> bool:
        return self._done

    def _take(self, message: bytes, chunks: list[Chunk]) -> None:
        try:
            event = decode_event(loose.text(message))
        except loose.MALFORMED:
            message, event = _repaired(message)
        if event.error is not UNSET and event.error is not None:
            raise refusal_inside({"error": event.error})
        if event.message is not None:
            self._begun = True
            self._usage = event.message.usage
            self._begin(message, event.message, chunks)
        elif not self._begun:
            _refuse_content(event)
        elif event.type == "message_stop":
            self._stop(message, chunks)
        else:
            self._say(message, event, self._meaning(event), chunks)

    def _end(self, chunks: list[Chunk]) -> None:
        raise BadUpstreamResponse(CUT)  # the end that counts is message_stop

    def _meaning(self, event: Event) -> Delta | None:
        match event.type:
            case "content_block_delta":
                return self._piece(event.index, _there(event.delta))
            case "content_block_start":
                return self._block(event.index, _there(event.content_block))
            case "content_block_stop":
                return self._block_end(event.index)
            case "message_delta":
                self._note_end(event)
        return None

    def _piece(self, index: int, piece: Piece) -> Delta | None:
        if piece.text:
            return Delta(content=piece.text)
        if piece.thinking:
            return Delta(reasoning_content=piece.thinking)
        if piece.partial_json and index in self._calls:
            self._without_arguments.discard(index)
            return _arguments(self._calls[index], piece.partial_json)
        return None  # a signature or a citation, which OpenAI's form has no place for

    def _is_call(self, block: Block) -> bool:
        """Whether the block is a tool call, for the caller to run."""
        return block.type == CALL

    def _block(self, index: int, block: Block) -> Delta | None:
        if not self._is_call(block):
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

    def _stop(self, message: bytes, chunks: list[Chunk]) -> None:
        if self._stop_reason is None:
            raise BadUpstreamResponse("the stream ended without a stop_reason")
        self._done = True
        self._finish(message, openai_finish(self._stop_reason), self._usage.wire(), chunks)


def _refuse_content(event: Event) -> None:
    """Before `message_start` only a ping, or an event that we do not know, may come."""
    if event.content_block is not None or event.delta is not None:
        raise BadUpstreamResponse("the stream does not begin with message_start")
    if event.type == "message_stop":
        raise BadUpstreamResponse(CUT)


def _repaired(message: bytes) -> tuple[bytes, Event]:
    """The event as right JSON, and what it says."""
    payload = loose.loads(message)
    try:
        return msgspec.json.encode(payload), msgspec.convert(payload, Event)
    except msgspec.ValidationError as exc:
        raise BadUpstreamResponse(f"an event of the stream is malformed: {exc}") from exc


def _there(part: T | None) -> T:
    if part is None:
        raise BadUpstreamResponse("an event of the stream has no content")
    return part


def _arguments(number: int, piece: str) -> Delta:
    return Delta(tool_calls=[ToolCall(number, function=FunctionCall(arguments=piece))])
