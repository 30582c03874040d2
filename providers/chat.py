"""What is asked and what is answered: the one internal form of a chat, between every wire format and every surface.

The form is OpenAI's chat completion, because most upstreams and clients speak it: where both ends agree, bytes pass
through untouched. Other wires translate to and from it (`providers/adapters/`).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from providers.requests import Request


class FunctionCall(Struct, omit_defaults=True):
    name: str | None = None
    arguments: str | None = None


class ToolCall(Struct, omit_defaults=True):
    """A tool call; in a stream's delta `index` is set and `arguments` is a piece."""

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: FunctionCall | None = None
    extra_content: Any = None  # Google's place for a thought signature (`providers.wire.signatures`)


class ImageUrl(Struct, omit_defaults=True):
    url: str
    detail: str | None = None


class Part(Struct, omit_defaults=True):
    """A content part; `type` is text, image_url, input_audio, file or refusal."""

    type: str
    text: str | None = None
    image_url: ImageUrl | None = None
    input_audio: dict[str, Any] | None = None
    file: dict[str, Any] | None = None
    refusal: str | None = None


class Message(Struct, omit_defaults=True):
    role: str
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    extra_content: Any = None
    audio: Any = None  # a spoken answer: its id alone


class FunctionSpec(Struct, omit_defaults=True):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Struct, omit_defaults=True):
    type: str
    function: FunctionSpec | None = None


class StreamOptions(Struct, omit_defaults=True):
    include_usage: bool | None = None


class ChatBody(Struct, omit_defaults=True, kw_only=True):
    """The fields of a chat request that the gateway reads; unknown ones stay in `ChatRequest.raw`."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    seed: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: Any = None
    modalities: Any = None
    tools: list[Tool] | None = None
    functions: Any = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    reasoning_effort: str | None = None
    user: str | None = None

    @property
    def max_output(self) -> int | None:
        """The longest answer that the caller allows, in tokens, by whichever of its two names."""
        return self.max_completion_tokens or self.max_tokens


@dataclass(slots=True, kw_only=True)
class ChatRequest(Request):
    """A chat as the engine and the adapters see it: `body` and `raw` in the chat's own form.

    Where `surface` is not "chat", `native` is the caller's JSON object as it came: an upstream that speaks the same
    receives it instead of `raw`, and answers with chunks that are `native` too.
    """

    operation: ClassVar[str] = "chat"
    body: ChatBody
    native: bytes = b""

    @property
    def model(self) -> str:
        return self.body.model

    @property
    def wants_usage(self) -> bool:
        return bool((options := self.body.stream_options) and options.include_usage)

    @property
    def max_output(self) -> int | None:
        return self.body.max_output


class TokenUsage(Struct, frozen=True):
    """Tokens of one attempt.

    `cached`, `cache_write`, `cache_write_1h` and `audio_input` are parts of `prompt` that do not overlap, `reasoning`
    and `audio_output` such parts of `completion`. `images` counts those of the prompt.
    """

    prompt: int
    completion: int
    cached: int = 0
    cache_write: int = 0  # kept for five minutes
    reasoning: int = 0
    estimated: bool = False
    cache_write_1h: int = 0
    audio_input: int = 0
    audio_output: int = 0
    images: int = 0


class PromptDetails(Struct, omit_defaults=True):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None  # OpenRouter's name, for however long
    cache_write_1h_tokens: int | None = None  # of these, for an hour
    audio_tokens: int | None = None


class CompletionDetails(Struct, omit_defaults=True):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class WireUsage(Struct, omit_defaults=True):
    """`usage` as OpenAI spells it; its three counts are written even where they are 0."""

    prompt_tokens: int = msgspec.field(default_factory=int)  # which is not left out, as a default would be
    completion_tokens: int = msgspec.field(default_factory=int)
    total_tokens: int = msgspec.field(default_factory=int)
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None

    def tokens(self) -> TokenUsage:
        """The same in our terms: parts do not overlap, and negative counts become 0."""
        prompt, completion = max(self.prompt_tokens, 0), max(self.completion_tokens, 0)
        parts, said = self.prompt_tokens_details, self.completion_tokens_details
        if parts is None and said is None:
            return TokenUsage(prompt, completion)
        parts, said = parts or PromptDetails(), said or CompletionDetails()
        cached = _part(parts.cached_tokens, prompt)
        written = _part(parts.cache_write_tokens, prompt - cached)
        hour = _part(parts.cache_write_1h_tokens, written)
        if self._reasons_beside(said):
            completion += said.reasoning_tokens or 0
        reasoning = _part(said.reasoning_tokens, completion)
        return TokenUsage(
            prompt,
            completion,
            cached,
            written - hour,
            reasoning,
            cache_write_1h=hour,
            audio_input=_part(parts.audio_tokens, prompt - cached - written),
            audio_output=_part(said.audio_tokens, completion - reasoning),
        )

    def _reasons_beside(self, said: CompletionDetails) -> bool:
        """Whether the total says that reasoning stands beside the completion, as xAI counts it, not inside."""
        thought, counted = said.reasoning_tokens or 0, self.prompt_tokens + self.completion_tokens
        return thought > 0 and self.total_tokens == counted + thought

    @classmethod
    def of(cls, usage: TokenUsage) -> "WireUsage":
        written = usage.cache_write + usage.cache_write_1h
        parts = PromptDetails(usage.cached, written or None, usage.cache_write_1h or None, usage.audio_input or None)
        said = CompletionDetails(usage.reasoning or None, usage.audio_output or None)
        return cls(
            usage.prompt,
            usage.completion,
            usage.prompt + usage.completion,
            parts if usage.cached or written or usage.audio_input else None,
            said if usage.reasoning or usage.audio_output else None,
        )


def _part(count: int | None, whole: int) -> int:
    """A count that is a part of `whole`."""
    return min(max(count, 0), whole) if count else 0


class Delta(Struct, omit_defaults=True):
    role: str | None = None
    content: str | None = None
    tool_calls: list[ToolCall] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    function_call: dict[str, Any] | None = None  # the deprecated form of a tool call
    audio: dict[str, Any] | None = None
    extra_content: Any = None


class ChunkChoice(Struct):
    index: int = 0
    delta: Delta = msgspec.field(default_factory=Delta)
    finish_reason: str | None = None
    logprobs: Raw | UnsetType = UNSET


class ChatChunk(Struct, kw_only=True):
    """One `chat.completion.chunk`."""

    id: str = ""
    object: str = "chat.completion.chunk"
    created: int = 0
    model: str = ""
    choices: list[ChunkChoice] = msgspec.field(default_factory=list)
    usage: WireUsage | None | UnsetType = UNSET
    error: Raw | UnsetType = UNSET

    @property
    def call_ids(self) -> tuple[str, ...]:
        """The ids of the tool calls that begin in this event."""
        return tuple([c.id for choice in self.choices for c in choice.delta.tool_calls or () if c.id])


class Chunk(Struct):
    """One event of a stream: `data` is its SSE event as the OpenAI client receives it, blank line included.

    Where `native` is set, `data` is the event as the caller's own surface has it, and `event` says the same in the
    chat's form as far as it matters for the record. `marks` are the ids and signatures in it that bind a conversation
    to this deployment; `prompt` is what the upstream counted of prompt and answer, where it says so before the end.
    """

    data: bytes
    event: ChatChunk
    native: bool = False
    marks: tuple[str, ...] = ()
    prompt: TokenUsage | None = None

    @property
    def content_length(self) -> int:
        """Characters of answer in this event: text, reasoning, refusal, tool calls. The first such event commits."""
        length = 0
        for choice in self.event.choices:
            delta = choice.delta
            if delta.content:
                length += len(delta.content)
            if delta.tool_calls:
                length += sum(len(c.function.arguments or "") if c.function else 0 for c in delta.tool_calls) + 1
            if delta.reasoning_content or delta.refusal:
                length += len(delta.reasoning_content or "") + len(delta.refusal or "")
            length += bool(delta.function_call or delta.audio)
        return length


class Answer(Struct, kw_only=True):
    """A whole answer: `data` is the `chat.completion` JSON body as the OpenAI client receives it.

    `native` and `marks` are those of `Chunk`. Operations other than chat put their own body into `data`.
    """

    data: bytes
    id: str
    served_model: str  # what the upstream says it ran; `data` names our model
    finish_reason: str | None
    usage: TokenUsage | None  # None: the upstream reported none
    text_length: int = 0  # characters of the answer, for an estimate where usage is missing
    native: bool = False
    marks: tuple[str, ...] = ()
