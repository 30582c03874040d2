"""How a chat is read once, so that every feature can look at the same texts without walking the messages again."""

import re
from typing import Final

from msgspec import Struct

from providers.chat import ChatBody, Part

WORD: Final = re.compile(r"[a-z][a-z+-]*")
SYSTEM: Final = frozenset({"system", "developer"})
SYSTEM_LIMIT = 1500  # characters
QUESTION_LIMIT = 4000  # characters of the last user message that rules look at: enough to tell a kind of task


class Reading(Struct):
    """Texts and counts of a chat: characters for estimates, the last user message for rules."""

    question: str
    lowered: str  # the question in lower case
    words: list[str]  # of the lowered question
    characters: int
    wide_characters: int  # outside ASCII: such text costs more tokens per character
    images: int
    audio: int
    files: int
    turns: int
    system: str = ""  # the beginning of the first system text, where front ends say what a call is for


def read(body: ChatBody) -> Reading:
    """Walk the messages once."""
    question, system, characters, wide = "", "", 0, 0
    kinds = {"image_url": 0, "input_audio": 0, "file": 0}
    for message in body.messages:
        text = message.content if isinstance(message.content, str) else _join(message.content, kinds)
        characters += len(text)
        if not text.isascii():
            wide += len(text) - len(text.encode("ascii", "ignore"))
        if message.role == "user":
            question = text
        elif not system and message.role in SYSTEM:
            system = text[:SYSTEM_LIMIT]
        for call in message.tool_calls or ():
            characters += len((call.function and call.function.arguments) or "") + 20
    question = question[:QUESTION_LIMIT]
    lowered = question.lower()
    return Reading(
        question,
        lowered,
        WORD.findall(lowered),
        characters,
        wide,
        kinds["image_url"],
        kinds["input_audio"],
        kinds["file"],
        len(body.messages),
        system,
    )


def _join(parts: list[Part] | None, kinds: dict[str, int]) -> str:
    texts = []
    for part in parts or ():
        if part.text:
            texts.append(part.text)
        elif part.type in kinds:
            kinds[part.type] += 1
    return "\n".join(texts)
