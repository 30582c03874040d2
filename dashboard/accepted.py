"""What may the words of an address be? Those that have few values are held against them, and what is wrong is said.

A page leaves a wrong word out and says so above its panels; a file answers 400, because nobody reads what stands beside
a file.
"""

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Final, Literal, get_args

from routing.features.category import WORDS as TASKS
from usage.selectors.requestwords import BOUNDS, NOBODY, STATUSES, STREAMED

By = Literal["provider", "model", "deployment", "tenant", "key", "policy", "tag"]
PERCENTILES: Final = (50, 95, 99)
WHOSE: Final = ("mine", "team")  # usage: of one's own keys, or of all in sight
UNCOMPARED: Final = "off"  # the `compare` of a page that leaves the period before out
LIVE: Final = "10s"  # how often a live page asks anew
# By a control of their own:
CHOSEN: Final[Mapping[str, tuple[str, ...]]] = {
    "status": STATUSES,
    "task": (*TASKS, "chat"),
    "streamed": tuple(STREAMED),
}
FEW: Final[Mapping[str, tuple[str, ...]]] = {
    **CHOSEN,
    "group": (*get_args(By), "class"),
    "percentile": tuple(map(str, PERCENTILES)),
    "compare": ("prev", UNCOMPARED),
    "live": (LIVE,),
    "whose": WHOSE,
}
# How people read a word; the others are read as they stand.
NAMES: Final[Mapping[str, str]] = {
    "min_cost": "least cost",
    "max_cost": "greatest cost",
    "min_ttft": "least time to first token",
    "min_total": "least total time",
    "min_attempts": "least attempts",
    "finish": "finish reason",
}
LONGEST: Final = 200
_CURSOR: Final = re.compile(r"[0-9a-f]{32}|\d{1,18}").fullmatch


def named(word: str) -> str:
    """How people read a word of an address."""
    return NAMES.get(word, word)


def accepted(query: Mapping[str, str], known: tuple[str, ...]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The words of `query` among `known` that can mean something, and a sentence for each of the others."""
    words, wrong = {}, []
    for name in known:
        if value := query.get(name, ""):
            if problem := _problem(name, value):
                wrong.append(problem)
            else:
                words[name] = value
    return words, tuple(wrong)


def _problem(name: str, value: str) -> str:
    if len(value) > LONGEST:
        return f"{name}: has {len(value)} characters, at most {LONGEST} may be; it was left out."
    if not value.isprintable():
        return f"{name}: has characters that cannot be shown; it was left out."
    return _OWN.get(name, _unlisted)(name, value)


def _unlisted(name: str, value: str) -> str:
    may = FEW.get(name)
    if may is None or value in may or (name == "task" and value == NOBODY):
        return ""
    near = get_close_matches(value, may, n=1)
    asked = f" Did you mean {near[0]}?" if near else ""
    return f"{name}={value!r} is not one of {', '.join(may)}; it was left out.{asked}"


def _cursor(name: str, value: str) -> str:
    return "" if _CURSOR(value) else f"{name}={value!r} is no place in a list: the list starts from its beginning."


def _bound(name: str, value: str) -> str:
    bound = BOUNDS[name]
    try:
        bound.read(value)
    except ValueError:
        return f"{name}={value!r} is not {bound.says}; it was left out."
    return ""


_OWN: Final[Mapping[str, Callable[[str, str], str]]] = {"cursor": _cursor, **dict.fromkeys(BOUNDS, _bound)}
