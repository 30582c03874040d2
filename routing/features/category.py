"""What kind of task is it? Marks of each kind in the last user message: single words and short phrases."""

from typing import Final

from providers.chat import ChatBody
from routing.features.base import Feature
from routing.features.text import Reading

WORDS: Final = {
    "coding": "code python javascript typescript java rust golang c++ sql regex bug debug refactor compile compiler "
    "traceback function algorithm docker kubernetes bash html css unittest pytest api",
    "math": "solve equation equations integral derivative probability theorem proof prove algebra geometry matrix "
    "calculate percent percentage arithmetic fraction",
    "translation": "translate translation french german spanish italian chinese japanese portuguese",
    "summarization": "summarize summarise summary tldr condense shorten",
    "extraction": "extract parse classify label categorize categorise json csv schema entities",
    "writing": "write draft essay story poem email letter blog rewrite rephrase slogan tone novel",
    "reasoning": "why explain compare analyze analyse trade-off trade-offs reason evaluate plan pros cons",
}
PHRASES: Final = {
    "coding": ("```", "stack trace", "unit test", "api endpoint"),
    "math": ("how many", "sum of", " = ", " + "),
    "summarization": ("tl;dr", "key points"),
    "extraction": ("as json", "table of", "fill in"),
    "reasoning": ("step by step", "pros and cons"),
}
KIND_OF: Final = {word: kind for kind, words in WORDS.items() for word in words.split()}
KIND_OF_PHRASE: Final = tuple((phrase, kind) for kind, phrases in PHRASES.items() for phrase in phrases)


class Category(Feature):
    """One of coding, math, translation, summarization, extraction, writing, reasoning, chat: who has most marks."""

    name = "category"

    def find(self, body: ChatBody, reading: Reading) -> str:
        marks: dict[str, int] = {}
        for word in reading.words:
            if kind := KIND_OF.get(word):
                marks[kind] = marks.get(kind, 0) + 1
        for phrase, kind in KIND_OF_PHRASE:
            if phrase in reading.lowered:
                marks[kind] = marks.get(kind, 0) + 1
        if not marks:
            return "chat"
        most = max(marks.values())
        return next(kind for kind in WORDS if marks.get(kind) == most)
