"""How hard is it? A number from 0 (small talk) to 1, from cheap marks of difficulty."""

from typing import Final

from providers.chat import ChatBody
from routing.features.base import Feature
from routing.features.text import Reading

HARD_WORDS: Final = (
    "prove proof derive design architect architecture optimize optimise refactor trade-off trade-offs rigorous "
    "concurrency concurrent distributed complexity constraint constraints analyze analyse multi-step strategy depth "
    "edge cases step"
)
HARD: Final = frozenset(HARD_WORDS.split())
LONG_PROMPT: Final = 6000  # characters at which length alone says all it can
MANY_TURNS: Final = 12
MANY_MARKS: Final = 4


class Complexity(Feature):
    """0..1: the prompt's length, marks of difficulty, the conversation's length, tools and schemas."""

    name = "complexity"

    def find(self, body: ChatBody, reading: Reading) -> float:
        marks = min(len(HARD.intersection(reading.words)), MANY_MARKS) / MANY_MARKS
        length = min(reading.characters / LONG_PROMPT, 1.0)
        turns = min(reading.turns / MANY_TURNS, 1.0)
        structured = 1.0 if body.tools or body.response_format else 0.0
        return round(0.4 * marks + 0.3 * length + 0.15 * turns + 0.15 * structured, 2)
