"""How are vectors asked of Gemini? A request per text, all in one batch. https://ai.google.dev/api/embeddings"""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from providers.adapters.base import Auth, Operation, WireRequest
from providers.chat import Answer, TokenUsage
from providers.embeddings import EmbeddingRequest
from providers.errors import UnsupportedByWire
from providers.targets import Secret, Target
from providers.wire.counts import ABSURD
from providers.wire.embeddings import LONGEST_ANSWER, embedding_answer, read_vectors
from providers.wire.gemini_names import model_name, model_path
from providers.wire.headers import wire_headers
from providers.wire.limits import unknown_fields

MOST_TEXTS: Final = 100  # of one batch
NATIVE: Final = {"task_type": "taskType", "title": "title"}  # Google's own, which clients send along


class Values(Struct):
    values: Raw


class Counted(Struct, rename="camel"):
    prompt_token_count: Any = None


class Embedded(Struct, rename="camel"):
    embeddings: list[Values]
    usage_metadata: Counted | None = None


_decode: Final = msgspec.json.Decoder(Embedded).decode


class GeminiEmbeddings(Operation[EmbeddingRequest]):
    longest_answer = LONGEST_ANSWER
    unsupported = frozenset({"token_input"})

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    def request(self, request: EmbeddingRequest, target: Target, secret: Secret | None) -> WireRequest:
        texts = request.texts
        if texts is None:
            raise UnsupportedByWire("this wire takes text, no tokens", param="input")
        if len(texts) > MOST_TEXTS:
            raise UnsupportedByWire(f"this wire takes {MOST_TEXTS} texts at once", param="input")
        shared: dict[str, Any] = {"model": model_name(target.upstream_model)}
        if request.body.dimensions is not None:
            shared["outputDimensionality"] = request.body.dimensions
        unread = unknown_fields(request)
        shared |= {NATIVE[name]: unread[name] for name in NATIVE if name in unread}
        asked = [shared | {"content": {"parts": [{"text": text}]}} for text in texts]
        return WireRequest(
            f"{model_path(target.upstream_model)}:batchEmbedContents",
            wire_headers(self._auth(secret), target),
            msgspec.json.encode({"requests": asked}),
            tuple(f"{name} dropped" for name in unread if name not in NATIVE),
        )

    def answer(self, body: bytes, request: EmbeddingRequest, target: Target) -> Answer:
        embedded = read_vectors(_decode, body)
        vectors = [vector.values for vector in embedded.embeddings]
        return embedding_answer(vectors, _usage(embedded.usage_metadata), request, target, None)


def _usage(counted: Counted | None) -> TokenUsage | None:
    count = counted.prompt_token_count if counted else None
    return TokenUsage(count, 0) if isinstance(count, int) and 0 < count <= ABSURD else None
