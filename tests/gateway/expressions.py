"""Which metrics and labels does a PromQL expression name?"""

import re
from typing import Final

from msgspec import Struct

WORDS: Final = {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset"}
OF_THE_SCRAPE: Final = {"job", "instance"}  # Prometheus adds these to whatever it reads
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_GROUPING: Final = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR: Final = re.compile(r"\b([a-zA-Z_:][\w:]*)\s*\{([^}]*)\}")
_NAME: Final = re.compile(r"(?<![\w.$])([a-zA-Z_:][\w:]*)\b(?!\s*\()")


class Named(Struct, frozen=True):
    """Metric names, each with the labels that selectors ask of it, and the labels by which results are grouped."""

    metrics: dict[str, set[str]]
    grouped: set[str]


def named(expression: str) -> Named:
    """Read an expression; Grafana's variables stand where Prometheus has strings and durations."""
    text = re.sub(r"\[[^\]]*\]", "", _STRING.sub('""', expression))
    grouped = {label.strip() for held in _GROUPING.findall(text) for label in held.split(",") if label.strip()}
    text = _GROUPING.sub("", text)
    metrics: dict[str, set[str]] = {}
    for name, matchers in _SELECTOR.findall(text):
        metrics.setdefault(name, set()).update(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
    for name in _NAME.findall(re.sub(r"\{[^}]*\}", "", text)):
        if name not in WORDS:
            metrics.setdefault(name, set())
    return Named(metrics, grouped)
