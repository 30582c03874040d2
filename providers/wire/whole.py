"""How does a whole answer become a stream of chunks, and a stream a whole answer? One form stands between them."""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from providers.adapters.base import StreamDecoder
from providers.chat import Answer, ChatChunk, Delta, FunctionCall, ToolCall, WireUsage
from providers.chat import Chunk as StreamChunk
from providers.wire.composing import Composer
from providers.wire.signatures import signature_in


class WholeMessage(Struct, kw_only=True):
    role: str = "assistant"
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[dict[str, Any]] | UnsetType = UNSET
    extra_content: Any = UNSET


class WholeChoice(Struct, kw_only=True):
    index: int = 0
    message: WholeMessage = field(default_factory=WholeMessage)
    logprobs: dict[str, Any] | None = None
    finish_reason: str = "stop"


class Whole(Struct, kw_only=True):
    """A `chat.completion`; `model` is what the upstream says it ran."""

    id: str
    object: str = "chat.completion"
    created: int
    model: str
    choices: list[WholeChoice]
    usage: WireUsage | UnsetType = UNSET

    def answer(self, model: str) -> Answer:
        """The answer as the client receives it, in the name of our `model`."""
        named = msgspec.structs.replace(self, model=model)
        return Answer(
            data=msgspec.json.encode(named),
            id=self.id,
            served_model=self.model,
            finish_reason=self.choices[0].finish_reason,
            usage=None if self.usage is UNSET else self.usage.tokens(),
            text_length=sum(_length(choice.message) for choice in self.choices),
            marks=tuple(mark for choice in self.choices for mark in _marks(choice.message)),
        )

    def chunks(self, model: str) -> list[StreamChunk]:
        """The answer as a stream: role, reasoning, text, tool calls, finish reason, usage."""
        composer = Composer(self.id, self.created, self.model, model)
        found = []
        for choice in self.choices:
            found += [composer.chunk(delta, None, choice.index) for delta in _deltas(choice.message)]
            found.append(composer.chunk(Delta(), choice.finish_reason, choice.index))
        return found if self.usage is UNSET else [*found, composer.usage(self.usage)]


def collected(decoder: StreamDecoder, body: bytes, model: str) -> Answer:
    """The answer of a whole stream that is there at once; raises `ProviderError`."""
    chunks = decoder.feed(body)
    chunks += decoder.finish()
    if decoder.pending is not None:
        raise decoder.pending
    return gathered(chunk.event for chunk in chunks).answer(model)


def gathered(events: Iterable[ChatChunk]) -> Whole:
    """Collect the events of one complete stream."""
    whole = Whole(id="", created=0, model="", choices=[])
    choices: dict[int, WholeChoice] = {}
    for event in events:
        whole.id, whole.created, whole.model = event.id, event.created, event.model
        if isinstance(event.usage, WireUsage):
            whole.usage = event.usage
        for piece in event.choices:
            choice = choices.setdefault(piece.index, WholeChoice(index=piece.index))
            _extend(choice.message, piece.delta)
            _extend_logprobs(choice, piece.logprobs)
            choice.finish_reason = piece.finish_reason or choice.finish_reason
    whole.choices = [choices[index] for index in sorted(choices)]
    return whole


def _extend(message: WholeMessage, delta: Delta) -> None:
    if delta.content is not None:
        message.content = (message.content or "") + delta.content
    if delta.refusal is not None:
        message.refusal = (message.refusal or "") + delta.refusal
    if delta.reasoning_content:
        message.reasoning_content = (message.reasoning_content or "") + delta.reasoning_content
    if delta.extra_content is not None:
        message.extra_content = delta.extra_content
    for call in delta.tool_calls or ():
        _extend_call(message, call)


def _extend_logprobs(choice: WholeChoice, piece: Raw | UnsetType) -> None:
    """Each piece has the tokens of its event, in OpenAI's two lists."""
    told = None if piece is UNSET else msgspec.json.decode(piece)
    if isinstance(told, dict):
        known = choice.logprobs or {"content": None, "refusal": None}
        choice.logprobs = {name: (known[name] or []) + (told.get(name) or []) or None for name in known}


def _extend_call(message: WholeMessage, call: ToolCall) -> None:
    """Fragments come numbered without gaps (`providers.wire.toolcalls`)."""
    calls = message.tool_calls = message.tool_calls or []
    index = call.index or 0
    if index == len(calls):
        calls.append({"id": call.id, "type": "function", "function": {"name": "", "arguments": ""}})
    function = calls[index]["function"]
    piece = call.function or FunctionCall()
    function["name"] = function["name"] or piece.name or ""
    function["arguments"] += piece.arguments or ""
    if call.extra_content is not None:
        calls[index]["extra_content"] = call.extra_content


def _deltas(message: WholeMessage) -> list[Delta]:
    deltas = [Delta(role="assistant", content="")]
    if message.reasoning_content:
        deltas.append(Delta(reasoning_content=message.reasoning_content))
    if message.content:
        deltas.append(Delta(content=message.content))
    if message.refusal:
        deltas.append(Delta(refusal=message.refusal))
    for index, call in enumerate(message.tool_calls or ()):
        function = FunctionCall(call["function"]["name"], call["function"]["arguments"])
        called = ToolCall(index, call["id"], "function", function, call.get("extra_content"))
        deltas.append(Delta(tool_calls=[called]))
    return deltas


def _marks(message: WholeMessage) -> list[str]:
    """What binds a conversation with this message to its deployment: ids of calls, a signature."""
    signature = signature_in(message.extra_content)
    return [call["id"] for call in message.tool_calls or ()] + ([signature] if signature else [])


def _length(message: WholeMessage) -> int:
    texts = (message.content, message.refusal, message.reasoning_content)
    calls = message.tool_calls or []
    return sum(len(text) for text in texts if text) + sum(len(call["function"]["arguments"]) for call in calls)
