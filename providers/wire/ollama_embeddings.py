"""How are vectors asked of Ollama's /api/embed? https://docs.ollama.com/api/embed

Not of its /v1, which takes no context size and cuts long texts without a word.
"""

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
from providers.wire.headers import wire_headers
from providers.wire.limits import unknown_fields
from providers.wire.ollama_request import window

PATH: Final = "/api/embed"
BYTES_PER_TOKEN: Final = 2  # digits have no more; a window that is too small would refuse the text
NATIVE: Final = frozenset({"keep_alive", "options"})  # Ollama's own, which clients send along


class Embedded(Struct):
    embeddings: list[Raw]
    model: str | None = None
    prompt_eval_count: Any = None


_decode: Final = msgspec.json.Decoder(Embedded).decode


class OllamaEmbeddings(Operation[EmbeddingRequest]):
    longest_answer = LONGEST_ANSWER
    unsupported = frozenset({"token_input"})

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    def request(self, request: EmbeddingRequest, target: Target, secret: Secret | None) -> WireRequest:
        texts = request.texts
        if texts is None:
            raise UnsupportedByWire("this wire takes text, no tokens", param="input")
        # A text that is too long is refused: its beginning alone would be another text's vector.
        fields: dict[str, Any] = {"model": target.upstream_model, "input": texts, "truncate": False}
        if request.body.dimensions is not None:
            fields["dimensions"] = request.body.dimensions
        unread = unknown_fields(request)
        fields |= {name: unread[name] for name in NATIVE & unread.keys()}
        if target.context and "options" not in fields:
            longest = max(len(text.encode("utf-8", "replace")) for text in texts)
            fields["options"] = {"num_ctx": window(longest // BYTES_PER_TOKEN, target.context)}
        warnings = tuple(f"{name} dropped" for name in unread if name not in NATIVE)
        return WireRequest(PATH, wire_headers(self._auth(secret), target), msgspec.json.encode(fields), warnings)

    def answer(self, body: bytes, request: EmbeddingRequest, target: Target) -> Answer:
        embedded = read_vectors(_decode, body)
        count = embedded.prompt_eval_count
        known = isinstance(count, int) and 0 < count <= ABSURD
        return embedding_answer(
            embedded.embeddings, TokenUsage(count, 0) if known else None, request, target, embedded.model
        )
