"""What a model of the sandbox makes of texts: unit vectors, near each other where the texts share words and letters."""

import math
import re
from collections.abc import Iterator
from typing import Final
from zlib import crc32

from msgspec import Struct

from providers.found import FoundModel
from providers.sandbox.replies import Trouble, invalid
from providers.sandbox.tokens import count, pieces

WIDTH: Final = 512  # of every vector, unless the caller wants a shorter one
WORD: Final = re.compile(r"\w+|[^\w\s]+")
GRAM: Final = 3  # letters that count as one feature
WORD_WEIGHT: Final = 2.0  # a shared word says more than shared letters
Text = str | tuple[int, ...]  # or the numbers of its tokens


class Embeds(Struct, frozen=True):
    """What is to be embedded; `truncate` cuts what is too long instead of refusing it."""

    model: str
    texts: tuple[Text, ...]
    dimensions: int | None = None
    truncate: bool = False
    form: str = ""  # the wire's own note of how it must answer


class Embedded(Struct, frozen=True):
    """The vectors in the order of their texts, and the tokens of all texts together."""

    vectors: tuple[tuple[float, ...], ...]
    tokens: int


def embed(asked: Embeds, model: FoundModel, unable: str) -> Embedded:
    """Embed as `model` would; raises `Trouble` (in the words of `unable`) where the vendor would refuse."""
    if "embeddings" not in model.capabilities:
        raise invalid(unable.format(model=asked.model.partition("!")[0], what="embeddings"), "model")
    texts = tuple(_fitting(text, model.context, asked.truncate) for text in asked.texts)
    vectors = tuple(vector(_words(text), asked.dimensions or WIDTH) for text in texts)
    return Embedded(vectors, sum(_length(text) for text in texts))


def vector(text: str, dimensions: int = WIDTH) -> tuple[float, ...]:
    """The text's features hashed into places of a vector of unit length (the hashing trick, Weinberger et al. 2009)."""
    sums = [0.0] * WIDTH
    for feature, weight in _features(text.lower()):
        number = crc32(feature.encode())
        sums[number % WIDTH] += weight if number & 0x10000 else -weight
    kept = sums[:dimensions]
    length = math.sqrt(sum(value * value for value in kept))
    if not length:
        return (1.0, *kept[1:])
    return tuple(value / length for value in kept)


def _features(text: str) -> Iterator[tuple[str, float]]:
    for word in WORD.findall(text):
        yield f" {word} ", WORD_WEIGHT
        padded = f"^{word}$"
        for at in range(len(padded) - GRAM + 1):
            yield padded[at : at + GRAM], 1.0


def _fitting(text: Text, most: int | None, truncate: bool) -> Text:
    length = _length(text)
    if most is None or length <= most:
        return text
    if not truncate:
        message = f"This model's maximum context length is {most} tokens, however you requested {length} tokens."
        raise Trouble("context", message, status=400, param="input")
    return "".join(pieces(text)[:most]) if isinstance(text, str) else text[:most]


def _length(text: Text) -> int:
    return count(text) if isinstance(text, str) else len(text)


def _words(text: Text) -> str:
    return text if isinstance(text, str) else " ".join(map(str, text))
