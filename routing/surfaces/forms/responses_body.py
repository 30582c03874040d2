"""What does a Responses body say? Typed where we read it, open where clients send what nobody knows yet.

https://platform.openai.com/docs/api-reference/responses/create
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

LOGPROBS: Final = "message.output_text.logprobs"


class TextOptions(Struct, omit_defaults=True):
    format: dict[str, Any] | None = None
    verbosity: str | None = None


class ReasoningOptions(Struct, omit_defaults=True):
    effort: str | None = None
    summary: str | None = None


class ResponsesBody(Struct, omit_defaults=True, kw_only=True):
    """A request for a response. Items and tools stay dictionaries: there are more kinds of them every month."""

    model: str
    input: str | list[dict[str, Any]] | None = None
    instructions: str | None = None
    stream: bool | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    text: TextOptions | None = None
    reasoning: ReasoningOptions | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    previous_response_id: str | None = None
    conversation: str | dict[str, Any] | None = None
    prompt: dict[str, Any] | None = None
    include: list[str] | None = None
    store: bool | None = None
    background: bool | None = None
    truncation: str | None = None
    stream_options: dict[str, Any] | None = None

    @property
    def wants_logprobs(self) -> bool:
        return bool(self.top_logprobs) or LOGPROBS in (self.include or ())

    @property
    def wants_summary(self) -> bool:
        return bool(self.reasoning and self.reasoning.summary)


KNOWN: Final = frozenset(ResponsesBody.__struct_fields__)
_decode: Final = msgspec.json.Decoder(ResponsesBody).decode
_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def body_of(raw: bytes) -> ResponsesBody:
    """Raises `msgspec.DecodeError`, `msgspec.ValidationError` naming the field."""
    return _decode(raw)


def unknown_names(raw: bytes, ours: frozenset[str]) -> list[str]:
    """The top-level names that are neither the form's nor the router's."""
    return [name for name in _fields(raw) if name not in KNOWN and name not in ours]
