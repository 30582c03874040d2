"""How does Google's Gemini speak? generateContent, natively: thought signatures, budgets and finish reasons survive."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from providers.adapters.base import Adapter, ListedModel, Operation, StreamDecoder, WireRequest
from providers.chat import Answer, ChatRequest
from providers.errors import BadUpstreamResponse, ProviderError
from providers.targets import Secret, Target
from providers.wire import loose
from providers.wire.gemini_answer import GeminiDecoder
from providers.wire.gemini_counting import GeminiCounting
from providers.wire.gemini_embeddings import GeminiEmbeddings
from providers.wire.gemini_names import FOLDER, model_path
from providers.wire.gemini_request import UNSUPPORTED, gemini_request
from providers.wire.headers import wire_headers
from providers.wire.listings import positive
from providers.wire.refusals import refusal
from providers.wire.whole import collected

CHATS: Final = "generateContent"
EMBEDS: Final = "embedContent"
GEMINI_SKILLS: Final = frozenset({"tools", "vision", "json_mode", "json_schema"})  # each Gemini model that chats


class Gemini(Adapter):
    name = "gemini"
    label = "Google Gemini"
    default_base_url = "https://generativelanguage.googleapis.com/v1beta"
    unsupported = UNSUPPORTED

    def operations(self) -> Mapping[str, Operation[Any]]:
        auth = self.auth_headers
        return {"embeddings": GeminiEmbeddings(auth), "count_tokens": GeminiCounting(auth)}

    def auth_headers(self, secret: Secret | None) -> tuple[tuple[str, str], ...]:
        return (("x-goog-api-key", secret.value),) if secret else ()

    def request(self, request: ChatRequest, target: Target, secret: Secret | None) -> WireRequest:
        fields, warnings = gemini_request(request, target)
        method = "streamGenerateContent?alt=sse" if request.stream else CHATS  # without alt=sse it is one JSON array
        headers = wire_headers(self.auth_headers(secret), target)
        path = model_path(target.upstream_model)
        return WireRequest(f"{path}:{method}", headers, msgspec.json.encode(fields), tuple(warnings))

    def answer(self, body: bytes, request: ChatRequest, target: Target) -> Answer:
        return collected(GeminiDecoder(target), body, target.model)

    def decoder(self, request: ChatRequest, target: Target) -> StreamDecoder:
        return GeminiDecoder(target)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return refusal(status, headers, body)

    def models_path(self) -> str:
        return "/models?pageSize=1000"

    def models(self, body: bytes) -> list[ListedModel]:
        payload = loose.loads(body)
        rows = payload.get("models") if isinstance(payload, dict) else None
        if not isinstance(rows, list):
            raise BadUpstreamResponse("the listing of models is not a list")
        named = [row for row in rows if isinstance(row, dict) and isinstance(row.get("name"), str) and row["name"]]
        return [model for row in named if (model := _model(row)) is not None]


def _model(row: dict[str, Any]) -> ListedModel | None:
    """None for what neither chats nor embeds."""
    methods = row.get("supportedGenerationMethods")
    name = row["name"].removeprefix(FOLDER)
    skills = _skills(name, row)
    if isinstance(methods, list) and CHATS not in methods:
        if EMBEDS not in methods:
            return None
        skills = frozenset({"embeddings"})
    return ListedModel(name, positive(row, "inputTokenLimit"), positive(row, "outputTokenLimit"), skills)


def _skills(name: str, row: dict[str, Any]) -> frozenset[str]:
    """The listing tells of thinking only; of models that are no Gemini nothing more is known."""
    thinks = frozenset({"reasoning"}) if row.get("thinking") is True else frozenset()
    return thinks | (GEMINI_SKILLS if name.startswith("gemini") else frozenset())
