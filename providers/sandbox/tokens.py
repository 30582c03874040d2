"""How the sandbox counts: one piece is one token, in prompts, answers and streams alike."""

import re
from typing import Final

import msgspec

from providers.sandbox.prompts import Prompt, ToolUse, Turn

PIECE: Final = re.compile(r" ?\w{1,7}|\s+|[^\w\s]")
TOKENS_PER_TURN: Final = 4
IMAGE_TOKENS: Final = 256


def pieces(text: str) -> list[str]:
    """Split `text` into its tokens; joined they are the text again."""
    return PIECE.findall(text)


def count(text: str) -> int:
    return len(PIECE.findall(text))


def prompt_tokens(prompt: Prompt) -> int:
    """The tokens of a whole prompt: turns, images and tools."""
    tools = sum(count(tool.name + tool.description) + _json_tokens(tool.schema) for tool in prompt.tools)
    return tools + sum(turn_tokens(turn) for turn in prompt.turns)


def turn_tokens(turn: Turn) -> int:
    images = IMAGE_TOKENS * len(turn.images)
    return TOKENS_PER_TURN + count(turn.text) + images + sum(use_tokens(use) for use in turn.tool_uses)


def use_tokens(use: ToolUse) -> int:
    arguments = count(use.arguments) if isinstance(use.arguments, str) else _json_tokens(use.arguments)
    return count(use.name) + arguments


def _json_tokens(value: object) -> int:
    return count(msgspec.json.encode(value).decode())
