"""How do clients of OpenAI's Responses speak? Items instead of messages, named events instead of chunks."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from providers.chat import Answer, ChatRequest, Chunk, Delta, Message, TokenUsage
from routing.surfaces.base import Read, StreamWriter, Surface, Told, with_field
from routing.surfaces.chat import METADATA, openai_error
from routing.surfaces.forms.responses_answer import INCOMPLETE, Head, Output, response_object
from routing.surfaces.forms.responses_body import ResponsesBody, body_of
from routing.surfaces.forms.responses_items import Json
from routing.surfaces.forms.responses_request import read_request

FAILURES: Final = {429: "rate_limit_exceeded"}  # by status; OpenAI's schema has few codes for a response that failed


class _Logprobs(Struct):
    content: list[dict[str, Any]] | None = None


class _WholeMessage(Message, kw_only=True):
    role: str = "assistant"
    reasoning: str | None = None  # how Groq, OpenRouter and newer vLLM spell `reasoning_content`


class _Choice(Struct):
    message: _WholeMessage | None = None
    logprobs: _Logprobs | None = None


class _Whole(Struct):
    """What is read of a chat's answer or chunk."""

    created: int
    choices: list[_Choice]


_whole: Final = msgspec.json.Decoder(_Whole).decode


class Responses(Surface):
    name = "responses"
    paths = ("/v1/responses",)
    passed_headers = frozenset({b"openai-beta"})

    def read(self, raw: bytes) -> Read:
        return read_request(raw)

    def whole(self, answer: Answer, request: ChatRequest) -> bytes:
        if answer.native:
            return answer.data
        body = body_of(request.native)
        chat = _whole(answer.data)
        choice = chat.choices[0]
        output = Output(request.id, body)
        message = choice.message or _WholeMessage()
        output.take(_delta(message), _logprobs(choice) if body.wants_logprobs else [])
        finish = answer.finish_reason or "stop"
        output.end(finish)
        head = Head(request.id, chat.created, model_in(answer.data))
        return msgspec.json.encode(finished(head, body, output, answer.usage))

    def writer(self, request: ChatRequest, explain: bool) -> StreamWriter:
        return ResponsesWriter(request, explain)

    def error(self, error: Told) -> bytes:
        return openai_error(error)


class ResponsesWriter(StreamWriter):
    """Named events with growing numbers. Native events pass as they are."""

    def __init__(self, request: ChatRequest, explain: bool) -> None:
        self._request = request
        self._explain = explain
        self._number = 0  # of the next event
        self._held = b""
        self._body: ResponsesBody | None = None  # once the first chunk of a translated answer is there
        self._head = Head(request.id, 0, "")
        self._usage: TokenUsage | None = None

    def write(self, chunks: list[Chunk]) -> bytes:
        if chunks and chunks[0].native:
            return self._passed(chunks)
        return b"".join([self._translated(chunk) for chunk in chunks])

    def end(self, metadata: bytes | None) -> bytes:
        """The last event: `response.completed`, or `response.incomplete` with the reason."""
        if self._body is None:
            return _explained(self._held, metadata) if metadata else self._held
        output = self._output
        closing = output.end("stop") if output.finish is None else []
        response = finished(self._head, self._body, output, self._usage)
        last: Json = {"type": f"response.{response['status']}", "response": response}
        before, data = self._events(closing), self._events([last])
        return before + (_explained(data, metadata) if metadata else data)

    def broken(self, error: Told) -> bytes:
        """`response.failed` for clients that follow the response; then an error that OpenAI's own SDKs raise."""
        events: list[Json] = []
        if self._body is not None:
            response = response_object(self._head, self._body, "failed", self._output.items(), self._usage)
            response["error"] = {"code": FAILURES.get(error.status, "server_error"), "message": error.message}
            events = [{"type": "response.failed", "response": response}]
        told = {"message": error.message, "param": error.param, "code": error.code}
        return self._held + self._events([*events, {"type": "error", **told, "error": {"type": error.type, **told}}])

    def _passed(self, chunks: list[Chunk]) -> bytes:
        self._number += len(chunks)
        events = [chunk.data for chunk in chunks]
        if self._explain:
            events.insert(0, self._held)
            self._held = events.pop()
        return b"".join(events)

    def _translated(self, chunk: Chunk) -> bytes:
        event = chunk.event
        began = b"" if self._body is not None else self._began(chunk)
        if event.usage:
            self._usage = event.usage.tokens()
        events: list[Json] = []
        for choice in event.choices:
            if choice.index == 0:
                events += self._output.take(choice.delta, self._logprobs(chunk))
                if choice.finish_reason and self._output.finish is None:
                    events += self._output.end(choice.finish_reason)
        return began + self._events(events)

    def _began(self, chunk: Chunk) -> bytes:
        self._body = body = body_of(self._request.native)
        self._output = Output(self._request.id, body)
        self._head = Head(self._request.id, chunk.event.created, model_in(chunk.data.removeprefix(b"data: ")))
        response = response_object(self._head, body, "in_progress", [], None)
        kinds = ("response.created", "response.in_progress")
        return self._events([{"type": kind, "response": response} for kind in kinds])

    def _logprobs(self, chunk: Chunk) -> list[Json]:
        if self._body is None or not self._body.wants_logprobs:
            return []
        choices = _whole(chunk.data.removeprefix(b"data: ")).choices
        return _logprobs(choices[0]) if choices else []

    def _events(self, events: list[Json]) -> bytes:
        """Server-sent events with their numbers; each needs its name for OpenAI's SDKs."""
        lines = []
        for event in events:
            event["sequence_number"] = self._number
            self._number += 1
            lines.append(b"event: " + event["type"].encode() + b"\ndata: " + msgspec.json.encode(event) + b"\n\n")
        return b"".join(lines)


def finished(head: Head, body: ResponsesBody, output: Output, usage: TokenUsage | None) -> Json:
    """The response of an answer that is over; cut off by a limit or a filter it is incomplete."""
    reason = INCOMPLETE.get(output.finish or "")
    response = response_object(head, body, "incomplete" if reason else "completed", output.items(), usage)
    if reason:
        response["incomplete_details"] = {"reason": reason}
    return response


def model_in(data: bytes) -> str:
    """The model that an answer or chunk names to its client."""
    return msgspec.json.decode(data, type=_Named).model


class _Named(Struct):
    model: str = ""


def _delta(message: _WholeMessage) -> Delta:
    """A whole message as one piece."""
    calls = message.tool_calls or []
    for index, call in enumerate(calls):
        call.index = index
    thoughts = message.reasoning_content or message.reasoning
    text = message.content if isinstance(message.content, str) else None
    return Delta(content=text, refusal=message.refusal, reasoning_content=thoughts, tool_calls=calls or None)


def _logprobs(choice: _Choice) -> list[Json]:
    """Chat's log probabilities as Responses has them: `bytes` is always there."""
    found = choice.logprobs.content if choice.logprobs else None
    return [{"bytes": [], "top_logprobs": []} | {k: v for k, v in one.items() if v is not None} for one in found or ()]


def _explained(last: bytes, metadata: bytes) -> bytes:
    """The last event with `routing_metadata` as one more field."""
    head, mark, payload = last.partition(b"\ndata: ")
    return head + mark + with_field(payload, METADATA, metadata) + b"\n\n"
