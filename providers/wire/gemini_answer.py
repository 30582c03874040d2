"""What does Gemini's answer say? One response, or a stream of them that follow each other; both end as OpenAI's.

A stream has no end mark: it is complete when every candidate has a finish reason.
https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse
"""

import uuid
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct

from providers.chat import Chunk, Delta, FunctionCall, TokenUsage, ToolCall, WireUsage
from providers.errors import BadUpstreamResponse
from providers.targets import Target
from providers.wire import loose
from providers.wire.composing import Composer, minted_id, unix_time
from providers.wire.counts import ABSURD
from providers.wire.finishes import openai_finish
from providers.wire.gemini_contents import MINTED
from providers.wire.gemini_logprobs import LogprobsResult, openai_logprobs
from providers.wire.refusals import refusal_inside
from providers.wire.signatures import extra, seal
from providers.wire.sse import SseDecoder

CUT: Final = "the stream closed before a finishReason"
DONE: Final = b"[DONE]"  # what some servers that copy Gemini's end with
NO_REASON: Final = "FINISH_REASON_UNSPECIFIED"
FAILED: Final = frozenset(  # the model made something that is no answer; asked again it may do better
    {"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE"}
    | {"MISSING_THOUGHT_SIGNATURE"}
)


class Called(Struct):
    """`args` is an object, kept as it was written."""

    name: str
    args: Raw = Raw(b"{}")
    id: str | None = None


class Part(Struct, rename="camel"):
    text: str | None = None
    thought: bool = False
    thought_signature: str | None = None
    function_call: Called | None = None
    inline_data: Any = None


class Content(Struct):
    parts: list[Part] | None = None


class Candidate(Struct, rename="camel"):
    content: Content | None = None
    finish_reason: str | None = None
    index: int = 0
    logprobs_result: LogprobsResult | None = None


class Feedback(Struct, rename="camel"):
    block_reason: str | None = None


class OfModality(Struct, rename="camel"):
    modality: str = ""
    token_count: int = 0


class Counts(Struct, rename="camel"):
    """Gemini's counts: thoughts stand beside the candidates' tokens, what the cache held is part of the prompt."""

    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    cached_content_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    prompt_tokens_details: list[OfModality] | None = None
    cache_tokens_details: list[OfModality] | None = None
    candidates_tokens_details: list[OfModality] | None = None

    def updated(self, later: "Counts") -> "Counts":
        """Counts are cumulative: what comes later replaces what came before."""
        newer = {name: value for name, value in msgspec.structs.asdict(later).items() if value is not None}
        return msgspec.structs.replace(self, **newer)

    def wire(self, answered: bool) -> WireUsage | None:
        """The same as OpenAI counts; None where it is unknown or absurd. A count of nothing is left out by Google."""
        if self.prompt_token_count is None or (answered and self.candidates_token_count is None):
            return None
        prompt = max(self.prompt_token_count, 0) + max(self.tool_use_prompt_token_count or 0, 0)
        thoughts = max(self.thoughts_token_count or 0, 0)
        completion = max(self.candidates_token_count or 0, 0) + thoughts
        if max(prompt, completion) > ABSURD:
            return None
        cached = min(max(self.cached_content_token_count or 0, 0), prompt)
        heard = _audio(self.prompt_tokens_details) - _audio(self.cache_tokens_details)
        spoken = min(_audio(self.candidates_tokens_details), completion - thoughts)
        heard = min(max(heard, 0), prompt - cached)
        usage = TokenUsage(prompt, completion, cached, 0, thoughts, audio_input=heard, audio_output=spoken)
        return WireUsage.of(usage)

    @property
    def prompt(self) -> TokenUsage | None:
        """What is known of the prompt, and of the answer, while that comes."""
        return usage.tokens() if (usage := self.wire(answered=False)) is not None else None


def _audio(details: list[OfModality] | None) -> int:
    return sum(max(part.token_count, 0) for part in details or () if part.modality == "AUDIO")


class Response(Struct, rename="camel"):
    candidates: list[Candidate] | None = None
    prompt_feedback: Feedback | None = None
    usage_metadata: Counts | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: Any = None


decode_response: Final = msgspec.json.Decoder(Response).decode
decode_loosely: Final = msgspec.json.Decoder(Response, strict=False).decode


class Progress:
    """What has been seen of one candidate."""

    __slots__ = ("answered", "ids", "reason")

    def __init__(self) -> None:
        self.reason: str | None = None
        self.ids: list[str] = []  # of its calls, as Gemini has them
        self.answered = False  # whether it said anything but thoughts

    @property
    def finish(self) -> str:
        """OpenAI's word for why it stopped; raises `BadUpstreamResponse` where that leaves no answer."""
        reason = self.reason or NO_REASON
        if reason in FAILED:
            raise BadUpstreamResponse(f"the model stopped with {reason}")
        finish = openai_finish(reason)
        if finish != "stop":
            return finish
        if reason != "STOP" and not self.answered:
            raise BadUpstreamResponse(f"the model stopped with {reason[:60]} and no answer")
        return "tool_calls" if self.ids else "stop"


class GeminiDecoder(SseDecoder):
    """Decodes one answer, streamed or not. The finish reasons wait for the end: some servers repeat them."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self._target = target
        self._head: Composer | None = None
        self._candidates: dict[int, Progress] = {}
        self._counts = Counts()
        self._counted = self._counts
        self._blocked: str | None = None
        self._last = b""  # the event that completed the answer

    @property
    def counted(self) -> TokenUsage | None:
        return self._counts.prompt

    @property
    def _complete(self) -> bool:
        candidates = self._candidates.values()
        return self._blocked is not None or (bool(candidates) and all(each.reason for each in candidates))

    def _take(self, message: bytes, chunks: list[Chunk]) -> None:
        if message == DONE:
            self._end(chunks)
            return
        response = _read(message)
        if response.error is not None:
            raise refusal_inside({"error": response.error})
        if self._complete and self._says_again(message, response):
            return
        head = self._headed(response)
        if response.usage_metadata is not None:
            self._counts = self._counts.updated(response.usage_metadata)
        if not response.candidates:
            self._without_candidates(response)
        for candidate in response.candidates or ():
            self._look(candidate, head, chunks)
        self._note(message, chunks)

    def _take_whole(self, body: bytes, chunks: list[Chunk]) -> None:
        """One response, or all those of a stream in an array."""
        payload = loose.loads(body)
        for item in payload if isinstance(payload, list) else (payload,):
            self._take(body if item is payload else msgspec.json.encode(item), chunks)
        self._end(chunks)

    def _end(self, chunks: list[Chunk]) -> None:
        if not self._complete or self._head is None:
            raise BadUpstreamResponse(CUT)
        if self._blocked is not None and not self._candidates:
            said = f"The prompt was blocked: {self._blocked[:60]}"
            chunks.append(self._head.chunk(Delta(role="assistant", content="", refusal=said)))
            chunks.append(self._head.chunk(Delta(), "content_filter"))
        for index, candidate in sorted(self._candidates.items()):
            chunks.append(self._head.chunk(Delta(), candidate.finish, index))
        self._done = True
        usage = self._counts.wire(any(candidate.answered for candidate in self._candidates.values()))
        if usage is not None:
            chunks.append(self._head.usage(usage))

    def _note(self, message: bytes, chunks: list[Chunk]) -> None:
        """Tell what was counted until now: where the answer breaks off, thoughts are billed that nobody saw."""
        if chunks and self._counts != self._counted:
            self._counted, chunks[-1].prompt = self._counts, self._counts.prompt
        if self._complete:
            self._last = message

    def _says_again(self, message: bytes, response: Response) -> bool:
        """Whether an event behind the end repeats what was said. Servers that end every event go on, and are heard."""
        ends = any(candidate.finish_reason for candidate in response.candidates or ())
        return message == self._last or (bool(response.candidates) and not ends)

    def _without_candidates(self, response: Response) -> None:
        """Only counts, or the reason why the prompt was blocked."""
        if response.prompt_feedback is not None:
            self._blocked = response.prompt_feedback.block_reason or self._blocked
        if not self._candidates and self._counts.candidates_token_count:
            raise BadUpstreamResponse("the upstream counts tokens of an answer that it does not show")

    def _headed(self, response: Response) -> Composer:
        if self._head is None:
            named = response.model_version or self._target.upstream_model
            self._head = Composer(response.response_id or minted_id(), unix_time(), named, self._target.model)
        return self._head

    def _look(self, candidate: Candidate, head: Composer, chunks: list[Chunk]) -> None:
        index = max(candidate.index, 0)
        seen = self._candidates.get(index)
        if seen is None:
            seen = self._candidates[index] = Progress()
            chunks.append(head.chunk(Delta(role="assistant", content=""), None, index))
        if candidate.finish_reason and candidate.finish_reason != NO_REASON:
            seen.reason = candidate.finish_reason
        logprobs = openai_logprobs(candidate.logprobs_result)
        for part in (candidate.content and candidate.content.parts) or ():
            if (delta := _delta(part, seen)) is not None:
                chunks.append(head.chunk(delta, None, index, logprobs))
                logprobs = UNSET
        if logprobs is not UNSET:
            chunks.append(head.chunk(Delta(), None, index, logprobs))


def _read(message: bytes) -> Response:
    try:
        return decode_response(loose.text(message))
    except loose.MALFORMED:
        pass
    try:
        return decode_loosely(msgspec.json.encode(loose.loads(message)))
    except msgspec.ValidationError as exc:
        raise BadUpstreamResponse(f"the answer is not a response of Gemini's: {exc}") from exc


def _delta(part: Part, seen: Progress) -> Delta | None:
    """What a part says, None where it says nothing."""
    if part.function_call is not None:
        seen.answered = True
        return Delta(tool_calls=[_tool_call(part.function_call, part.thought_signature, seen)])
    if part.inline_data is not None and not part.thought:
        raise BadUpstreamResponse("the answer holds a picture or sound, which a chat cannot carry")
    signed = extra(part.thought_signature) if part.thought_signature else None
    if part.thought:
        return Delta(reasoning_content=part.text, extra_content=signed) if part.text or signed else None
    seen.answered = seen.answered or bool(part.text)
    return Delta(content=part.text or None, extra_content=signed) if part.text or signed else None


def _tool_call(called: Called, signature: str | None, seen: Progress) -> ToolCall:
    """A call arrives in one piece; ids are made where there are none, and where two calls would share one."""
    own = called.id if called.id and called.id not in seen.ids else f"{MINTED}{uuid.uuid4().hex[:24]}"
    number = len(seen.ids)
    seen.ids.append(own)
    function = FunctionCall(called.name, _arguments(called.args))
    if not signature:
        return ToolCall(number, own, "function", function)
    return ToolCall(number, seal(own, signature), "function", function, extra(signature))


def _arguments(args: Raw) -> str:
    """The object without the white space between its tokens; numbers keep their digits."""
    text = msgspec.json.format(bytes(args), indent=-1).decode()
    if text == "null":
        return "{}"
    if text[0] != "{":
        raise BadUpstreamResponse("a tool call's arguments are no object")
    return text
