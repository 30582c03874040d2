"""What does Ollama's answer say? Lines of JSON, the last with `done: true`; without streaming, that one alone."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from providers.chat import Chunk, Delta, FunctionCall, TokenUsage, ToolCall, WireUsage
from providers.errors import BadUpstreamResponse
from providers.targets import Target
from providers.wire import loose
from providers.wire.composing import Composer, minted_id, unix_time
from providers.wire.counts import ABSURD
from providers.wire.cutting import EVENT_LIMIT, SteppedDecoder
from providers.wire.finishes import openai_finish
from providers.wire.ndjson import LineStream
from providers.wire.refusals import refusal_inside
from providers.wire.toolcalls import minted_id as minted_call_id

CUT: Final = "the stream closed before done"
NO_ANSWER: Final = frozenset({"load", "unload"})  # done reasons of a request without messages


class Function(Struct):
    name: str
    arguments: dict[str, Any] | str | None = None


class Call(Struct):
    function: Function
    id: str | None = None


class Message(Struct):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[Call] | None = None


class Line(Struct):
    model: str = ""
    message: Message | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: int | None = None  # absent where the prompt came from the cache
    eval_count: int | None = None
    error: Any = None


decode_line: Final = msgspec.json.Decoder(Line).decode


class OllamaDecoder(SteppedDecoder):
    """Decodes one answer, streamed or not."""

    def __init__(self, target: Target, line_limit: int = EVENT_LIMIT) -> None:
        super().__init__(LineStream(line_limit))
        self._model = target.model
        self._head: Composer | None = None
        self._calls = 0

    @property
    def _complete(self) -> bool:
        return self._done

    def _take(self, message: bytes, chunks: list[Chunk]) -> None:
        line = _read(message)
        if line.error:
            raise refusal_inside({"error": line.error})
        if line.message is None and (self._head is None or not line.done):
            raise BadUpstreamResponse("a line of the stream has no message")
        if line.done and line.done_reason in NO_ANSWER:
            raise BadUpstreamResponse(f"the upstream answered {line.done_reason} instead of a message")
        if self._head is None:
            self._head = Composer(minted_id(), unix_time(), line.model, self._model)
            chunks.append(self._head.chunk(Delta(role="assistant", content="")))
        chunks.extend(self._head.chunk(delta) for delta in self._deltas(line.message or Message()))
        if line.done:
            self._finish_answer(line, self._head, chunks)

    def _end(self, chunks: list[Chunk]) -> None:
        raise BadUpstreamResponse(CUT)

    def _deltas(self, message: Message) -> list[Delta]:
        deltas = []
        if message.thinking:
            deltas.append(Delta(reasoning_content=message.thinking))
        if message.content:
            deltas.append(Delta(content=message.content))
        for call in message.tool_calls or ():
            function = FunctionCall(call.function.name, _arguments(call.function.arguments))
            number, self._calls = self._calls, self._calls + 1
            deltas.append(Delta(tool_calls=[ToolCall(number, call.id or minted_call_id(), "function", function)]))
        return deltas

    def _finish_answer(self, line: Line, head: Composer, chunks: list[Chunk]) -> None:
        self._done = True
        finish = openai_finish(line.done_reason or "stop")
        chunks.append(head.chunk(Delta(), "tool_calls" if self._calls and finish == "stop" else finish))
        usage = _usage(line)
        if usage is not None:
            chunks.append(head.usage(usage))


def _read(message: bytes) -> Line:
    try:
        return decode_line(message)
    except loose.MALFORMED:
        pass
    try:
        return msgspec.convert(loose.loads(message), Line)
    except msgspec.ValidationError as exc:
        raise BadUpstreamResponse(f"a line of the stream is malformed: {exc}") from exc


def _arguments(arguments: dict[str, Any] | str | None) -> str:
    return arguments if isinstance(arguments, str) else msgspec.json.encode(arguments or {}).decode()


def _usage(line: Line) -> WireUsage | None:
    if line.prompt_eval_count is None or line.eval_count is None:
        return None
    prompt, completion = max(line.prompt_eval_count, 0), max(line.eval_count, 0)
    return WireUsage.of(TokenUsage(prompt, completion)) if max(prompt, completion) <= ABSURD else None
