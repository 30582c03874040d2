"""How many tokens will the prompt cost? An estimate from characters: no tokenizer is downloaded.

It is the same whoever answers; what a model makes of it is learned (`routing/calibration.py`).
"""

from typing import Final

import msgspec

from providers.chat import ChatBody
from routing.features.base import Feature
from routing.features.text import Reading

CHARACTERS_PER_TOKEN: Final = 4.0  # English prose with today's tokenizers
TOKENS_PER_WIDE: Final = 0.8  # a character outside ASCII
TOKENS_PER_MESSAGE: Final = 4  # role and separators
TOKENS_PER_IMAGE: Final = 800  # a picture of about a megapixel


class PromptTokens(Feature):
    """Estimated prompt tokens, before any model's factor."""

    name = "prompt_tokens"

    def find(self, body: ChatBody, reading: Reading) -> int:
        plain = reading.characters - reading.wide_characters
        tokens = plain / CHARACTERS_PER_TOKEN + reading.wide_characters * TOKENS_PER_WIDE
        if body.tools:
            tokens += len(msgspec.json.encode(body.tools)) / CHARACTERS_PER_TOKEN
        return int(tokens) + TOKENS_PER_MESSAGE * reading.turns + TOKENS_PER_IMAGE * reading.images + 1
