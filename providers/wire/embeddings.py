"""How is an answer of vectors composed? Each in the form that was asked for, whatever form the upstream chose."""

from array import array
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from math import isfinite
from sys import byteorder
from typing import Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from providers.chat import Answer, TokenUsage
from providers.embeddings import EmbeddingRequest
from providers.errors import BadUpstreamResponse
from providers.targets import Target
from providers.wire import loose
from providers.wire.refusals import refusal_inside

T = TypeVar("T")
FLOAT32: Final = "f"
BYTES_PER_NUMBER: Final = 4
LONGEST_ANSWER: Final = 64 * 1024 * 1024  # 2,048 vectors of 1,536 numbers are 44 MB of digits
_numbers: Final = msgspec.json.Decoder(list[float]).decode
_text: Final = msgspec.json.Decoder(str).decode


class Vector(Struct):
    object: str
    index: int
    embedding: Raw


class VectorUsage(Struct):
    prompt_tokens: int
    total_tokens: int


class VectorList(Struct):
    object: str
    data: list[Vector]
    model: str
    usage: VectorUsage


def read_vectors(decode: Callable[[bytes], T], body: bytes) -> T:
    """What `decode` reads in an answer; raises the error that the answer may be, `BadUpstreamResponse` for nonsense."""
    try:
        return decode(body)
    except loose.MALFORMED:
        pass
    payload = loose.loads(body)
    if isinstance(payload, dict) and payload.get("error"):
        raise refusal_inside(payload)
    raise BadUpstreamResponse("the answer is not a list of embeddings")


def embedding_answer(
    vectors: Sequence[Raw], usage: TokenUsage | None, request: EmbeddingRequest, target: Target, served: str | None
) -> Answer:
    """The answer of `vectors`, JSON each (numbers or base64), in the order of the inputs.

    Where the upstream counted no tokens, they are estimated. Raises `BadUpstreamResponse` for what is no vector, and
    for more or fewer of them than were asked for.
    """
    if len(vectors) != request.count:
        raise BadUpstreamResponse(f"{len(vectors)} vectors for {request.count} inputs")
    form = as_base64 if request.wants_base64 else as_numbers
    used = usage or TokenUsage(sum(request.tokens), 0, estimated=True)
    data = [Vector("embedding", index, form(vector)) for index, vector in enumerate(vectors)]
    body = VectorList("list", data, target.model, VectorUsage(used.prompt, used.prompt))
    return Answer(
        data=msgspec.json.encode(body),
        id="",
        served_model=served or target.upstream_model,
        finish_reason=None,
        usage=used,
    )


def as_numbers(vector: Raw) -> Raw:
    """The vector as a list of numbers; one that comes so keeps its digits."""
    if not _is_text(vector):
        _checked(_read(vector))
        return vector
    return Raw(msgspec.json.encode(_checked(_turned(array(FLOAT32, _unpacked(vector))).tolist())))


def as_base64(vector: Raw) -> Raw:
    """The vector as little-endian float32 in base64."""
    if _is_text(vector):
        _checked(_turned(array(FLOAT32, _unpacked(vector))))
        return vector
    packed = _checked(array(FLOAT32, _read(vector)))
    return Raw(b'"' + b64encode(_turned(packed).tobytes()) + b'"')


def _is_text(vector: Raw) -> bool:
    return bytes(vector)[:1] == b'"'


def _read(vector: Raw) -> list[float]:
    try:
        return _numbers(vector)
    except msgspec.DecodeError:
        raise BadUpstreamResponse("a vector is not a list of numbers") from None


def _unpacked(vector: Raw) -> bytes:
    try:
        packed = b64decode(_text(vector), validate=True)
    except (msgspec.DecodeError, ValueError):
        raise BadUpstreamResponse("a vector is not base64") from None
    if len(packed) % BYTES_PER_NUMBER:
        raise BadUpstreamResponse(f"a vector of {len(packed)} bytes is no list of float32")
    return packed


def _turned(packed: "array[float]") -> "array[float]":
    """From this machine's order of bytes to the wire's, and back."""
    if byteorder == "big":
        packed.byteswap()
    return packed


V = TypeVar("V", "list[float]", "array[float]")


def _checked(numbers: V) -> V:
    if not numbers:
        raise BadUpstreamResponse("a vector has no numbers")
    if not all(map(isfinite, numbers)):
        raise BadUpstreamResponse("a vector has a number that is not finite")
    return numbers
