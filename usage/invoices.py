"""What does a provider's invoice say? CSV of several makes: one row per model or line item, tokens or amounts."""

import csv
import io
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar

from msgspec import Struct

Number = TypeVar("Number", int, Decimal)
COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    "model": frozenset({"model", "model name", "line item", "item", "description", "sku", "snapshot id"}),
    "usd": frozenset({"amount", "amount usd", "cost", "cost usd", "usd", "total", "total cost", "amount value"}),
    "prompt_tokens": frozenset({"input tokens", "prompt tokens", "tokens in", "n context tokens total"}),
    "completion_tokens": frozenset({"output tokens", "completion tokens", "tokens out", "n generated tokens total"}),
}
LONGEST: Final = 10_000  # lines
SEPARATORS: Final = ",;\t|"
MOST_USD: Final = Decimal(10) ** 9


class BadInvoice(ValueError):
    """What is wrong with the file, with its line."""


class Line(Struct, frozen=True):
    """What was billed for one model; None is not said."""

    model: str
    usd: Decimal | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


def read_invoice(text: str) -> list[Line]:
    """One line per model, the rows of each added up; raises `BadInvoice`."""
    rows = csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=_separator(text))
    header = next(rows, [])
    places = _places(header)
    sums: dict[str, Line] = {}
    for number, row in enumerate(rows, start=2):
        if number > LONGEST:
            raise BadInvoice(f"line {number}: more than {LONGEST:,} lines")
        if any(cell.strip() for cell in row):
            line = _line(row, places, number)
            sums[line.model] = _added(sums[line.model], line) if line.model in sums else line
    if not sums:
        raise BadInvoice("line 2: nothing was billed in this file")
    return [sums[model] for model in sorted(sums)]


def _separator(text: str) -> str:
    first = text.split("\n", 1)[0]
    return max(SEPARATORS, key=first.count)


def _places(header: list[str]) -> dict[str, int]:
    names = [" ".join("".join(c if c.isalnum() else " " for c in name.lower()).split()) for name in header]
    places = {field: at for field, known in COLUMNS.items() for at, name in enumerate(names) if name in known}
    if "model" not in places:
        raise BadInvoice(f"line 1: no column says the model; there are: {', '.join(header)[:200] or 'none'}")
    if len(places) == 1:
        raise BadInvoice("line 1: no column says an amount in USD or tokens, e.g. cost, input_tokens, output_tokens")
    return places


def _line(row: list[str], places: Mapping[str, int], number: int) -> Line:
    cells = {field: row[at].strip() if at < len(row) else "" for field, at in places.items()}
    if not cells["model"] or len(cells["model"]) > 200:
        raise BadInvoice(f"line {number}: {'no model' if not cells['model'] else 'the name of the model is too long'}")
    tokens = {name: _tokens(cells.get(name, ""), number) for name in ("prompt_tokens", "completion_tokens")}
    return Line(cells["model"], _usd(cells.get("usd", ""), number), **tokens)


def _usd(cell: str, number: int) -> Decimal | None:
    return _number(cell.lstrip("$").removesuffix("USD").strip(), number, "an amount in USD") if cell else None


def _tokens(cell: str, number: int) -> int | None:
    return int(_number(cell, number, "a number of tokens")) if cell else None


def _number(cell: str, number: int, what: str) -> Decimal:
    try:
        value = Decimal(cell.replace(",", ""))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value) > MOST_USD * 1000:
        raise BadInvoice(f"line {number}: “{cell[:40]}” is not {what}")
    return value


def _added(one: Line, other: Line) -> Line:
    return Line(
        one.model,
        _plus(one.usd, other.usd),
        _plus(one.prompt_tokens, other.prompt_tokens),
        _plus(one.completion_tokens, other.completion_tokens),
    )


def _plus(one: Number | None, other: Number | None) -> Number | None:
    return other if one is None else one if other is None else one + other
