"""How hard is it? A number from 0 (small talk) to 1, from cheap marks of difficulty."""

import re
from typing import Final

from providers.chat import ChatBody
from routing.features.base import Feature
from routing.features.text import Reading

HARD: Final = re.compile(
    r"\b(?:prove|derive|design|architect\w*|optimi[sz]e|refactor|trade-?offs?|edge cases?|step by step|in depth"
    r"|rigorous|concurren\w+|distributed|complexity|constraints?|analy[sz]e|multi-?step|strategy)\b",
    re.IGNORECASE,
)
LONG_PROMPT: Final = 6000  # characters at which length alone says all it can
MANY_TURNS: Final = 12
MANY_MARKS: Final = 4


class Complexity(Feature):
    """0..1: the prompt's length, marks of difficulty, the conversation's length, tools and schemas."""

    name = "complexity"

    def find(self, body: ChatBody, reading: Reading) -> float:
        marks = min(len(HARD.findall(reading.question)), MANY_MARKS) / MANY_MARKS
        length = min(reading.characters / LONG_PROMPT, 1.0)
        turns = min(reading.turns / MANY_TURNS, 1.0)
        structured = 1.0 if body.tools or body.response_format else 0.0
        return round(0.4 * marks + 0.3 * length + 0.15 * turns + 0.15 * structured, 2)
