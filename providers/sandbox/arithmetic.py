"""Small sums: the first one in a text, and its value."""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Final

WORDS: Final[Mapping[str, str]] = {
    r"\bplus\b": "+",
    r"\bminus\b": "-",
    r"\b(?:multiplied by|times)\b": "*",
    r"\bdivided by\b": "/",
    r"\bto the power of\b|\^": "**",
    r"(?<=\d)\s*[x×]\s*(?=\d)": "*",
    r"÷": "/",
    r"%\s+of\b": "/100*",
}
SUM: Final = re.compile(r"\(*\s*\d+(?:\.\d+)?(?:[\s()]*(?:\*\*|[-+*/])[\s()]*\d+(?:\.\d+)?\)*)+")
LONGEST: Final = 120  # characters; a longer sum nests too deep
MOST: Final = 10**9  # beyond it a power takes too long
OPERATORS: Final[Mapping[type, Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def first_sum(text: str) -> tuple[str, str] | None:
    """The first sum of `text` in symbols, and its value in digits; None where there is none that can be worked out."""
    for pattern, symbol in WORDS.items():
        text = re.sub(pattern, symbol, text, flags=re.IGNORECASE)
    found = SUM.search(text)
    if found is None or len(found.group()) > LONGEST:
        return None
    try:
        value = _value(ast.parse(found.group().strip(), mode="eval").body)
    except (SyntaxError, ZeroDivisionError, ValueError, OverflowError):
        return None
    return found.group().strip().replace("**", "^"), f"{value:.10g}"


def _value(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if not isinstance(node, ast.BinOp):
        raise ValueError(f"not a sum: {ast.dump(node)}")
    left, right = _value(node.left), _value(node.right)
    if isinstance(node.op, ast.Pow):
        if abs(left) > MOST or abs(right) > 64:
            raise OverflowError("too large a power")
        return float(left) ** right
    return OPERATORS[type(node.op)](left, right)
