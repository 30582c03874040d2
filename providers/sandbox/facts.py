"""What a text mentions that can fill a blank: numbers, quotations, names, dates."""

import re
from typing import Final

NUMBER: Final = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])")
QUOTED: Final = re.compile(r"(?<!\w)[\"“'‘]([^\"”'’\n]{1,80})[\"”'’](?!\w)")
NAME: Final = re.compile(r"\b[A-Z][a-zà-ÿ]+(?:[ -][A-Z][a-zà-ÿ]+)*")
EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+\b")
ADDRESS: Final = re.compile(r"https?://\S+")
DATE: Final = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_OPENERS: Final = (
    "a an and are call can compare could do does explain find get give how i in is list please tell return show the "
    "then today translate use using what when where which who why with would write you"
)
SENTENCE_OPENERS: Final = frozenset(_OPENERS.split())


class Facts:
    """The mentions in a text; each `take` gives the next one of its kind, round and round."""

    def __init__(self, text: str, turn: int = 0) -> None:
        self.text = text
        self._mentions = {
            "number": NUMBER.findall(text),
            "quoted": QUOTED.findall(text),
            "name": _names(text),
            "email": EMAIL.findall(text),
            "address": ADDRESS.findall(text),
            "date": DATE.findall(text),
        }
        self._next = dict.fromkeys(self._mentions, turn)

    def take(self, kind: str) -> str | None:
        """The next mention of that kind, None where there is none."""
        mentions = self._mentions[kind]
        if not mentions:
            return None
        self._next[kind] += 1
        return mentions[(self._next[kind] - 1) % len(mentions)]

    def several(self, kind: str) -> int:
        """How many different ones there are."""
        return len(set(self._mentions[kind]))


def _names(text: str) -> list[str]:
    """The names within sentences; one that opens a sentence may be any word: it counts where there is no other."""
    inner: list[str] = []
    opening: list[str] = []
    for found in NAME.finditer(text):
        name = _trimmed(found.group())
        opens = name == found.group() and text[: found.start()].rstrip()[-1:] in ("", ".", "!", "?", ":", "\n")
        (opening if opens else inner).append(name)
    return [name for name in inner if name] or opening


def _trimmed(name: str) -> str:
    """A name without the opening of a sentence before it."""
    words = name.split(" ")
    while words and words[0].lower() in SENTENCE_OPENERS:
        words.pop(0)
    return " ".join(words)
