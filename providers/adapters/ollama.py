"""How does Ollama speak? Its own API: /api/chat with lines of JSON, /api/tags for the models."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from providers.adapters.base import Adapter, ListedModel, Operation, StreamDecoder, WireRequest
from providers.chat import Answer, ChatRequest
from providers.errors import BadUpstreamResponse, ProviderError
from providers.targets import Secret, Target
from providers.wire import loose
from providers.wire.cutting import BODY_LIMIT
from providers.wire.headers import wire_headers
from providers.wire.listings import positive, skills
from providers.wire.ollama_answer import OllamaDecoder
from providers.wire.ollama_embeddings import OllamaEmbeddings
from providers.wire.ollama_request import UNSUPPORTED, ollama_request
from providers.wire.refusals import refusal
from providers.wire.whole import collected

SIGHTED: Final = frozenset({"clip", "mllama"})  # families of models that see
EMBEDDERS: Final = frozenset({"bert", "nomic-bert"})


class Ollama(Adapter):
    name = "ollama"
    label = "Ollama"
    default_base_url = "http://127.0.0.1:11434"
    unsupported = UNSUPPORTED

    def operations(self) -> Mapping[str, Operation[Any]]:
        return {"embeddings": OllamaEmbeddings(self.auth_headers)}

    def auth_headers(self, secret: Secret | None) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {secret.value}"),) if secret else ()

    def request(self, request: ChatRequest, target: Target, secret: Secret | None) -> WireRequest:
        fields, warnings = ollama_request(request, target)
        headers = wire_headers(self.auth_headers(secret), target)
        return WireRequest("/api/chat", headers, msgspec.json.encode(fields), tuple(warnings))

    def answer(self, body: bytes, request: ChatRequest, target: Target) -> Answer:
        return collected(OllamaDecoder(target, BODY_LIMIT), body, target.model)

    def decoder(self, request: ChatRequest, target: Target) -> StreamDecoder:
        return OllamaDecoder(target)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return refusal(status, headers, body)

    def models_path(self) -> str:
        return "/api/tags"

    def models(self, body: bytes) -> list[ListedModel]:
        payload = loose.loads(body)
        rows = payload.get("models") if isinstance(payload, dict) else None
        if not isinstance(rows, list):
            raise BadUpstreamResponse("the listing of models is not a list")
        return [_model(row) for row in rows if isinstance(row, dict) and isinstance(row.get("name"), str)]


def _model(row: dict[str, Any]) -> ListedModel:
    details = row.get("details")
    families = details.get("families") if isinstance(details, dict) else None
    found = {family for family in families if isinstance(family, str)} if isinstance(families, list) else set()
    sees, embeds = bool(found & SIGHTED), bool(found & EMBEDDERS)
    skilled = skills(row.get("capabilities"))  # newer servers say them in the listing
    skilled |= ({"vision"} if sees else frozenset()) | ({"embeddings"} if embeds else frozenset())
    return ListedModel(row["name"], positive(row, "context_length"), capabilities=skilled)
