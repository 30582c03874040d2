"""How OpenAI's server reads a request for embeddings, what it refuses, and how it writes the vectors."""

import base64
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from providers.sandbox.embedding import WIDTH, Embedded, Embeds, Text
from providers.sandbox.replies import Trouble, invalid

MOST_TEXTS: Final = 2048
FORMS: Final = ("float", "base64")


def read_embeds(body: Mapping[str, Any]) -> Embeds:
    """What is to be embedded; raises `Trouble` in the server's words."""
    if not isinstance(body.get("model"), str):
        raise invalid("you must provide a model parameter", "model")
    form = body.get("encoding_format") or "float"
    if form not in FORMS:
        message = f"Invalid value: '{form}'. Supported values are: 'float' and 'base64'."
        raise invalid(message, "encoding_format")
    texts = _texts(body.get("input"))
    if not texts or len(texts) > MOST_TEXTS or not all(texts):
        raise _wrong_input()
    return Embeds(body["model"], texts, _dimensions(body.get("dimensions")), form=form)


def written(asked: Embeds, made: Embedded) -> dict[str, Any]:
    """The JSON answer; base64 holds little-endian 32-bit floats."""
    rows = [
        {"object": "embedding", "index": at, "embedding": _packed(vector) if asked.form == "base64" else vector}
        for at, vector in enumerate(made.vectors)
    ]
    usage = {"prompt_tokens": made.tokens, "total_tokens": made.tokens}
    return {"object": "list", "data": rows, "model": asked.model.partition("!")[0], "usage": usage}


def _texts(wanted: Any) -> tuple[Text, ...]:
    """A text, texts, the numbers of one text's tokens, or such numbers of several texts."""
    if isinstance(wanted, str):
        return (wanted,)
    if not isinstance(wanted, list):
        raise _wrong_input()
    if wanted and all(_is_token(item) for item in wanted):
        return (tuple(wanted),)
    return tuple(_text(item) for item in wanted)


def _text(item: Any) -> Text:
    if isinstance(item, str):
        return item
    if isinstance(item, list) and all(_is_token(number) for number in item):
        return tuple(item)
    raise _wrong_input()


def _is_token(item: Any) -> bool:
    return isinstance(item, int) and not isinstance(item, bool)


def _wrong_input() -> Trouble:
    return invalid("'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs", "input")


def _dimensions(wanted: Any) -> int | None:
    if wanted is None or (_is_token(wanted) and 1 <= wanted <= WIDTH):
        return wanted
    message = f"Invalid value for 'dimensions' = {wanted}. Must be at least 1 and less than or equal to {WIDTH}."
    raise invalid(message, "dimensions")


def _packed(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
