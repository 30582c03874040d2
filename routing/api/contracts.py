"""The shapes of the data plane in the OpenAPI schema, made from the structs that really decode and encode them."""

from typing import Any, Final

import msgspec
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from msgspec import Struct

from feedback.evaluations import NewEval, NewFeedback
from feedback.services import NewRating
from providers.chat import ChatBody, ChatChunk, Message, WireUsage
from routing.api.figures import OwnUsage, ProviderHealthList
from routing.api.judged import EvalCase, EvalCases, FeedbackEntries, FeedbackEntry
from routing.api.simple import (
    Embedding,
    EmbeddingCreation,
    EmbeddingList,
    PromptAnswer,
    PromptRequest,
    RoutedAnswer,
)
from routing.asked import Preferences, RouterOptions
from routing.surfaces.forms.responses_body import ResponsesBody
from routing.wishes.providerwish import ProviderWish


class ChatCompletionRequest(ChatBody, kw_only=True, omit_defaults=True):
    """A chat request: OpenAI's fields and the router's own. Unknown fields are passed on to the upstream."""

    models: tuple[str, ...] = ()
    provider: ProviderWish | None = None
    preferences: Preferences | None = None
    neuroroute: RouterOptions | None = None


class ChatCompletionChoice(Struct):
    index: int
    message: Message
    finish_reason: str


class ChatCompletion(Struct):
    """A whole answer."""

    id: str
    object: str
    created: int
    model: str
    choices: list[ChatCompletionChoice]
    usage: WireUsage | None = None
    routing_metadata: dict[str, Any] | None = None


class ResponseRequest(ResponsesBody, kw_only=True, omit_defaults=True):
    """A request for a response: OpenAI's fields and the router's own. Unknown fields are passed on to an upstream that
    speaks Responses itself."""

    models: tuple[str, ...] = ()
    provider: ProviderWish | None = None
    preferences: Preferences | None = None
    neuroroute: RouterOptions | None = None


class ResponseObject(Struct):
    """A response: `output` holds messages, reasoning and calls of tools."""

    id: str
    object: str
    created_at: float
    status: str
    model: str
    output: list[dict[str, Any]]
    error: dict[str, Any] | None = None
    incomplete_details: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None
    routing_metadata: dict[str, Any] | None = None


class MessageRequest(Struct, kw_only=True, omit_defaults=True):
    """A request for a message: the fields of Anthropic's that we read, and the router's own. Unknown fields are passed
    on to an upstream that speaks Messages itself."""

    model: str
    messages: list[dict[str, Any]]
    max_tokens: int | None = None
    system: str | list[dict[str, Any]] | None = None
    stream: bool | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: dict[str, Any] | None = None
    thinking: dict[str, Any] | None = None
    output_config: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    models: tuple[str, ...] = ()
    provider: ProviderWish | None = None
    preferences: Preferences | None = None
    neuroroute: RouterOptions | None = None


class MessageObject(Struct):
    """A message: `content` holds texts, thinking and calls of tools."""

    id: str
    type: str
    role: str
    model: str
    content: list[dict[str, Any]]
    stop_reason: str | None
    stop_sequence: str | None
    usage: dict[str, Any]
    routing_metadata: dict[str, Any] | None = None


class MessageTokens(Struct):
    """How many tokens a request for a message has."""

    input_tokens: int


class MessageErrorDetail(Struct):
    type: str
    message: str


class MessageErrorBody(Struct):
    """Every error of the addresses that speak Messages."""

    type: str
    error: MessageErrorDetail
    request_id: str


class ErrorDetail(Struct):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(Struct):
    """Every error of the OpenAI routes."""

    error: ErrorDetail


class ModelEntry(Struct):
    """A name that may be asked for."""

    id: str
    object: str
    created: int
    owned_by: str
    description: str | None = None
    providers: list[str] = []
    context_length: int | None = None
    capabilities: list[str] = []
    pricing: dict[str, Any] | None = None


class ModelList(Struct):
    object: str
    data: list[ModelEntry]


class RouteDecision(Struct):
    """What would answer, and why; nobody was called."""

    model: str
    policy: str
    first_choice: str
    why: str
    expected_cost_usd: dict[str, str | None]
    features: dict[str, Any]
    decision: dict[str, Any]


class RequestStory(Struct):
    """The record of one request: what was asked, decided, tried, answered, used and paid."""

    id: str
    status: str
    started_at: str
    asked_model: str
    policy: str | None
    features: dict[str, Any] | None
    decision: dict[str, Any] | None
    attempts: list[dict[str, Any]]
    usage: dict[str, Any]
    cost: dict[str, Any]
    timing: dict[str, Any]


class RatingTaken(Struct):
    """What was kept; `score` is on the scale of -1 to 1."""

    response_id: str
    score: float
    comment: str


STRUCTS: Final = (
    NewRating, RatingTaken,
    ResponseRequest, ResponseObject,
    MessageRequest, MessageObject, MessageTokens, MessageErrorBody,
    ChatCompletionRequest, ChatCompletion, ChatChunk, ErrorBody, ModelList, ModelEntry, RouteDecision, RequestStory,
    NewFeedback, NewEval, FeedbackEntries, FeedbackEntry, EvalCases, EvalCase,
    OwnUsage, ProviderHealthList, PromptRequest, PromptAnswer, RoutedAnswer,
    EmbeddingCreation, EmbeddingList, Embedding,
)  # fmt: skip


def shape(struct: type[Struct]) -> dict[str, Any]:
    """A JSON media type whose schema is the struct's component."""
    return {"application/json": {"$ref": f"#/components/schemas/{struct.__name__}"}}


def answers(
    struct: type[Struct], what: str, *errors: int, body: type[Struct] = ErrorBody, events: bool = False
) -> dict[Any, Any]:
    """Responses: 200 with the struct, or (`events`) as a stream, and the error body for the statuses named."""
    result: dict[Any, Any] = {200: OpenApiResponse(shape(struct)["application/json"], what)}
    if events:
        result[200, "text/event-stream"] = OpenApiResponse(OpenApiTypes.STR, "The same in events, by `stream: true`")
    for status in errors:
        result[status] = OpenApiResponse(shape(body)["application/json"], ERRORS[status])
    return result


ERRORS: Final = {
    400: "A field is wrong: `param` names it",
    401: "No valid client key",
    402: "The budget is spent",
    403: "The key may not use this model, policy or route",
    404: "Unknown model, policy or record",
    413: "The body is too long",
    429: "A limit is reached: `Retry-After` says when to come back",
    502: "The upstream failed",
    503: "Nobody can answer now: the reason per candidate",
}
CHAT_REQUEST: Final = shape(ChatCompletionRequest)
CHAT_ANSWERS: Final = answers(ChatCompletion, "The answer", *ERRORS, events=True)
MESSAGE_REQUEST: Final = shape(MessageRequest)
MESSAGE_ANSWERS: Final = answers(MessageObject, "The message", *ERRORS, body=MessageErrorBody, events=True)
COUNT_ANSWERS: Final = answers(MessageTokens, "The count", *ERRORS, body=MessageErrorBody)
PROMPT_REQUEST: Final = shape(PromptRequest)
PROMPT_ANSWERS: Final = answers(PromptAnswer, "The answer", *ERRORS, events=True)
ROUTED_ANSWERS: Final = answers(RoutedAnswer, "The answer and the decision", *ERRORS, events=True)
EMBEDDING_REQUEST: Final = shape(EmbeddingCreation)
EMBEDDING_ANSWERS: Final = answers(EmbeddingList, "The vectors", *ERRORS)


ALIASES: Final = (
    "/chat/",
    "/embeddings",
    "/models",
    "/api/models",
    "/api/health",
    "/api/metrics",
    "/admin/",
)


def without_aliases(endpoints: list[Any]) -> list[Any]:
    """drf-spectacular hook: leave the addresses of older routers out, so that each operation stands once."""
    return [endpoint for endpoint in endpoints if not endpoint[0].startswith(ALIASES)]


def add_components(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular hook: put the structs' schemas among the components."""
    _, components = msgspec.json.schema_components(STRUCTS, ref_template="#/components/schemas/{name}")
    result.setdefault("components", {}).setdefault("schemas", {}).update(components)
    return result
