"""Answers that Swagger shows as examples: kept in a file, and held against what is answered today."""

import json
import os
from typing import Any

from routing.api.answerexamples import FILE, kept


def hold(answers: dict[str, Any]) -> None:
    """The answers, by their operations, have the fields of the kept ones; with KEEP_ANSWERS=1 they are kept."""
    if os.environ.get("KEEP_ANSWERS") == "1":
        every = dict(sorted((kept() | answers).items()))
        FILE.write_text(json.dumps(every, indent=1, ensure_ascii=False) + "\n")
        kept.cache_clear()
    assert answers.keys() <= kept().keys()
    assert {name: told for name, answer in answers.items() if (told := differing(answer, kept()[name]))} == {}


def one_row(answer: Any) -> Any:
    """An answer with one row of what it lists."""
    if isinstance(answer.get("data"), list):
        answer["data"] = answer["data"][:1]
    return answer


def differing(one: Any, other: Any, place: str = "") -> list[str]:
    """Where two answers have other fields or kinds of values; what is null or empty in one fits all."""
    if one in (None, [], {}) or other in (None, [], {}):
        return []
    if isinstance(one, dict) and isinstance(other, dict):
        inner = [differing(one[name], other[name], f"{place}.{name}") for name in one.keys() & other.keys()]
        return [f"{place}.{name}" for name in one.keys() ^ other.keys()] + sum(inner, [])
    if isinstance(one, list) and isinstance(other, list):
        return differing(one[0], other[0], f"{place}[]")
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    return [] if numbers or type(one) is type(other) else [place]
