"""What does a correct OpenAI answer look like? Types that decode only what may pass to a client as it is.

Whatever does not decode is repaired (`providers.wire.repair`) and tried again. `ABSENT` lets a field be missing and
still refuses null, as OpenAI's schema does. The chunk's types are the chat's own, narrowed.
"""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from providers.chat import ChatChunk, ChunkChoice, CompletionDetails, Delta, PromptDetails, ToolCall, WireUsage
from providers.wire.counts import ABSURD

ABSENT: Final[Any] = None
ServiceTier = Literal["auto", "default", "flex", "scale", "priority", "fast"]
Count = Annotated[int, Meta(ge=0, le=ABSURD)]
Finish = Literal["stop", "length", "tool_calls", "content_filter", "function_call"]


class Fragment(Struct, omit_defaults=True):
    name: str = ABSENT
    arguments: str = ABSENT


class StrictToolCall(ToolCall, kw_only=True, gc=False):
    index: int
    id: str = ABSENT
    type: Literal["function"] = ABSENT
    function: Fragment = ABSENT  # type: ignore[assignment]


class StrictDelta(Delta, gc=False):
    role: Literal["assistant"] = ABSENT
    tool_calls: list[StrictToolCall] = ABSENT  # type: ignore[assignment]
    function_call: dict[str, Any] = ABSENT
    reasoning: str | None = None  # how Groq, OpenRouter and newer vLLM spell `reasoning_content`


class StrictChunkChoice(ChunkChoice, kw_only=True, gc=False):
    index: int
    delta: StrictDelta
    finish_reason: Finish | None


class StrictChunk(ChatChunk, kw_only=True, gc=False):
    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[StrictChunkChoice]  # type: ignore[assignment]
    usage: dict[str, Any] | None | UnsetType = UNSET  # type: ignore[assignment]
    system_fingerprint: str = ABSENT
    service_tier: ServiceTier | None = None
    x_groq: dict[str, Any] = ABSENT


class StrictFunction(Struct):
    name: str
    arguments: str


class StrictCall(Struct):
    id: str
    type: Literal["function", "custom"]
    function: StrictFunction = ABSENT


class StrictMessage(Struct):
    role: Literal["assistant"]
    content: str | None
    refusal: str | None | UnsetType = UNSET
    tool_calls: list[StrictCall] = ABSENT
    function_call: StrictFunction = ABSENT
    annotations: list[Raw] = ABSENT
    reasoning_content: str | None = None
    reasoning: str | None = None

    @property
    def length(self) -> int:
        """Characters of answer."""
        texts = (self.content, self.refusal, self.reasoning_content or self.reasoning)
        calls = [call.function.arguments for call in self.tool_calls or () if call.function is not None]
        return sum(len(text) for text in (*texts, *calls) if text)


class StrictChoice(Struct):
    index: int
    message: StrictMessage
    finish_reason: Finish
    logprobs: Raw | UnsetType = UNSET


class StrictPromptDetails(PromptDetails):
    cached_tokens: Count = ABSENT
    cache_write_tokens: Count = ABSENT
    cache_write_1h_tokens: Count = ABSENT
    audio_tokens: Count = ABSENT
    text_tokens: Count = ABSENT
    image_tokens: Count = ABSENT


class StrictCompletionDetails(CompletionDetails):
    reasoning_tokens: Count = ABSENT
    audio_tokens: Count = ABSENT
    text_tokens: Count = ABSENT
    accepted_prediction_tokens: Count = ABSENT
    rejected_prediction_tokens: Count = ABSENT


class StrictUsage(WireUsage, kw_only=True):
    prompt_tokens: Count
    completion_tokens: Count
    total_tokens: Count
    prompt_tokens_details: StrictPromptDetails = ABSENT
    completion_tokens_details: StrictCompletionDetails = ABSENT
    prompt_cache_hit_tokens: Raw | UnsetType = UNSET
    cached_tokens: Raw | UnsetType = UNSET

    @property
    def says_cached_beside(self) -> bool:
        """Whether cached tokens stand outside the details, where OpenAI's clients do not look."""
        return self.prompt_cache_hit_tokens is not UNSET or self.cached_tokens is not UNSET


class StrictAnswer(Struct, kw_only=True):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[StrictChoice]
    usage: StrictUsage = ABSENT
    system_fingerprint: str = ABSENT
    service_tier: ServiceTier | None = None
    error: Raw | UnsetType = UNSET


decode_chunk: Final = msgspec.json.Decoder(StrictChunk).decode
decode_answer: Final = msgspec.json.Decoder(StrictAnswer).decode
