"""How are vectors asked of an OpenAI-compatible server? The caller's body passes; its form of the answer is kept.

https://platform.openai.com/docs/api-reference/embeddings
"""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from providers.adapters.base import Auth, Operation, WireRequest
from providers.chat import Answer
from providers.embeddings import EmbeddingRequest
from providers.errors import BadUpstreamResponse
from providers.targets import Secret, Target
from providers.wire import counts
from providers.wire.embeddings import LONGEST_ANSWER, embedding_answer, read_vectors
from providers.wire.headers import wire_headers
from providers.wire.passing import passed_fields

PATH: Final = "/embeddings"


class Listed(Struct):
    """One vector; some servers leave the index out, and then mean the order."""

    embedding: Raw
    index: int | None = None


class Listing(Struct):
    data: list[Listed]
    model: str | None = None
    usage: Any = None


_decode: Final = msgspec.json.Decoder(Listing).decode


class OpenAIEmbeddings(Operation[EmbeddingRequest]):
    longest_answer = LONGEST_ANSWER

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    def request(self, request: EmbeddingRequest, target: Target, secret: Secret | None) -> WireRequest:
        fields = passed_fields(request.raw, request, target)
        fields.pop("stream", None)
        return WireRequest(PATH, wire_headers(self._auth(secret), target), msgspec.json.encode(fields))

    def answer(self, body: bytes, request: EmbeddingRequest, target: Target) -> Answer:
        listing = read_vectors(_decode, body)
        usage = counts.usable(listing.usage)
        used = counts.typed(usage).tokens() if usage else None
        if used is not None:
            used = msgspec.structs.replace(used, completion=0, reasoning=0)
        return embedding_answer(_in_order(listing.data), used, request, target, listing.model)


def _in_order(rows: list[Listed]) -> list[Raw]:
    """The vectors by their index."""
    indices = [place if row.index is None else row.index for place, row in enumerate(rows)]
    if sorted(indices) != list(range(len(rows))):
        raise BadUpstreamResponse("the vectors' indices have gaps or doubles")
    return [row.embedding for _, row in sorted(zip(indices, rows, strict=True), key=lambda pair: pair[0])]
