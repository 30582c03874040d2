"""What is asked and answered when texts become vectors? OpenAI's embeddings, between every wire and their surface."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Final

from msgspec import Struct

from providers.requests import Request

CHARACTERS_PER_TOKEN: Final = 4.0  # English prose
TOKENS_PER_WIDE: Final = 0.8  # a character outside ASCII


class EmbeddingBody(Struct, omit_defaults=True, kw_only=True):
    """The fields that the gateway reads; unknown ones stay in `EmbeddingRequest.raw`.

    `input` is a text, texts, the tokens of one text or of several, never a mixture (the edge sees to it).
    """

    model: str
    input: str | list[str | int | list[int]]
    encoding_format: str | None = None
    dimensions: int | None = None
    user: str | None = None


@dataclass(slots=True, kw_only=True)
class EmbeddingRequest(Request):
    """A request for vectors; `texts` has one item per vector, None where the caller sends tokens instead of text."""

    operation: ClassVar[str] = "embeddings"

    body: EmbeddingBody
    surface: str = "embeddings"

    @property
    def model(self) -> str:
        return self.body.model

    @property
    def texts(self) -> list[str] | None:
        given = self.body.input
        if isinstance(given, str):
            return [given]
        return [item for item in given if isinstance(item, str)] if given and isinstance(given[0], str) else None

    @property
    def count(self) -> int:
        """How many vectors are asked for."""
        given = self.body.input
        return 1 if isinstance(given, str) or isinstance(given[0], int) else len(given)

    @property
    def wants_base64(self) -> bool:
        """Little-endian float32 in base64 (the OpenAI SDK's own default) instead of a list of numbers."""
        return self.body.encoding_format == "base64"

    @property
    def tokens(self) -> list[int]:
        """Tokens of each input: estimated for texts, exact where the caller sends tokens."""
        texts = self.texts
        if texts is not None:
            return [estimated(text) for text in texts]
        lists = [item for item in self.body.input if isinstance(item, list)]
        return [len(tokens) for tokens in lists] if lists else [len(self.body.input)]


def only_embeds(capabilities: Collection[str]) -> bool:
    """Whether a deployment with these is for embeddings alone: it cannot chat, and its answers cost nothing."""
    return "embeddings" in capabilities and "chat" not in capabilities


def estimated(text: str) -> int:
    """About how many tokens a text has."""
    wide = 0 if text.isascii() else len(text) - len(text.encode("ascii", "ignore"))
    return int((len(text) - wide) / CHARACTERS_PER_TOKEN + wide * TOKENS_PER_WIDE) + 1
