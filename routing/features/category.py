"""What kind of task is it? Rules over the last user message; the most marks win."""

import re
from typing import Final

from providers.chat import ChatBody
from routing.features.base import Feature
from routing.features.text import Reading

RULES: Final = {
    "coding": r"```|\b(?:code|python|javascript|typescript|java|rust|golang|c\+\+|sql|regex|bug|debug|refactor|compile"
    r"|stack ?trace|traceback|unit tests?|function|algorithm|api endpoint|docker|kubernetes|bash|html|css)\b",
    "math": r"\b(?:solve|equation|integral|derivative|probability|theorem|proof|prove|algebra|geometry|matrix"
    r"|calculate|sum of|how many|percent(?:age)?)\b|\d\s*[-+*/^=]\s*\d",
    "translation": r"\btranslat(?:e|ion)\b"
    r"|\b(?:in|into|to) (?:french|german|spanish|italian|chinese|japanese|english)\b",
    "summarization": r"\b(?:summari[sz]e|summary|tl;?dr|key points|condense|shorten)\b",
    "extraction": r"\b(?:extract|parse|as json|json schema|classify|label|categori[sz]e|fill in|table of)\b",
    "writing": r"\b(?:write|draft|essay|story|poem|email|letter|blog|rewrite|rephrase|slogan|tone)\b",
    "reasoning": r"\b(?:why|explain|compare|analy[sz]e|trade-?offs?|pros and cons|step by step|reason|evaluate|plan)\b",
}
PATTERNS: Final = tuple((name, re.compile(rule, re.IGNORECASE)) for name, rule in RULES.items())
ENOUGH: Final = 5  # marks of one kind after which more change nothing


class Category(Feature):
    """One of coding, math, translation, summarization, extraction, writing, reasoning, chat."""

    name = "category"

    def find(self, body: ChatBody, reading: Reading) -> str:
        best, most = "chat", 0
        for name, pattern in PATTERNS:
            marks = 0
            for _ in pattern.finditer(reading.question):
                marks += 1
                if marks == ENOUGH:
                    break
            if marks > most:
                best, most = name, marks
        return best
