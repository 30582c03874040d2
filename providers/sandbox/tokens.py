"""How the sandbox counts: one piece is one token, in prompts, answers and streams alike."""

import re
from typing import Final

PIECE: Final = re.compile(r" ?\w{1,7}|\s+|[^\w\s]")
IMAGE_TOKENS: Final = 256


def pieces(text: str) -> list[str]:
    """Split `text` into its tokens; joined they are the text again."""
    return PIECE.findall(text)


def count(text: str) -> int:
    return len(PIECE.findall(text))
