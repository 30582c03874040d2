"""The shapes of prompts and vectors in the OpenAPI schema."""

from typing import Any

from msgspec import Struct

from providers.chat import ToolCall
from providers.embeddings import EmbeddingBody
from providers.wire.embeddings import VectorUsage
from routing.asked import Preferences, RouterOptions


class EmbeddingCreation(EmbeddingBody, kw_only=True, omit_defaults=True):
    """A request for vectors: OpenAI's fields and the router's own. Unknown fields are passed on to the upstream."""

    preferences: Preferences | None = None
    neuroroute: RouterOptions | None = None


class Embedding(Struct):
    """One input's vector: numbers, or little-endian float32 in base64."""

    object: str
    index: int
    embedding: str | list[float]


class EmbeddingList(Struct):
    """One vector per input, in their order."""

    object: str
    data: list[Embedding]
    model: str
    usage: VectorUsage
    routing_metadata: dict[str, Any] | None = None


class PromptRequest(Struct, kw_only=True, omit_defaults=True):
    """One prompt; every field of a chat but its messages may stand beside it."""

    prompt: str
    system: str | None = None
    model: str = "auto"
    max_tokens: int | None = None
    temperature: float | None = None
    stream: bool | None = None
    preferences: Preferences | None = None
    neuroroute: RouterOptions | None = None


class PromptTokens(Struct):
    """None is unknown; `estimated`: the upstream counted none, so we did."""

    prompt: int | None
    completion: int | None
    total: int | None
    estimated: bool


class PromptAnswer(Struct, kw_only=True):
    """The text, who said it, and what it took; `processing_time` in seconds."""

    response: str
    model_used: str
    finish_reason: str | None
    tool_calls: list[ToolCall] = []
    tokens: PromptTokens
    processing_time: float
    provider: str | None
    request_id: str
    cost_usd: str | None
    routing_metadata: dict[str, Any] | None = None


class RoutedAnswer(PromptAnswer, kw_only=True):
    """The answer with the decision behind it."""

    policy: str | None
    first_choice: str | None
    why: str | None
    features: dict[str, Any]
    decision: dict[str, Any]
    attempts: list[dict[str, Any]]
