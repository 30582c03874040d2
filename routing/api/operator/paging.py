"""Which rows a list shows: filters, order, and a bounded page."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import QueryDict
from msgspec import Struct

from routing.configfile.reading import nearest
from routing.errors import InvalidBody

USUAL: Final = 50
MOST: Final = 200  # rows of a page
DEEPEST: Final = 1_000_000


class Filter(Struct, frozen=True):
    """A query parameter: the look-up that it stands for, and what its text means (`ValueError`: nothing)."""

    lookup: str
    read: Callable[[str], Any] = str
    says: str = "a text"


class Page(Struct, frozen=True):
    """A part of a list; `next` is the address of the part that follows."""

    rows: list[Any]
    total: int
    limit: int
    offset: int
    next: str | None


def yes(text: str) -> bool:
    """`true` or `false`."""
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def flag(lookup: str) -> Filter:
    """A filter by true or false."""
    return Filter(lookup, yes, "true or false")


def number(asked: QueryDict, name: str, usual: int, least: int, most: int) -> int:
    """A whole number among the query's parameters; raises `InvalidBody`."""
    text = asked.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
        raise InvalidBody(f"{name}: {text[:40]} is not a whole number from {least} to {most}", param=name)
    return int(text)


def one_of(words: Collection[str]) -> Callable[[str], str]:
    """Reads one of some words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return read


def values(asked: QueryDict, filters: Mapping[str, Filter], *others: str) -> dict[str, Any]:
    """What every filter in the query says; raises `InvalidBody` for an unknown parameter."""
    for name in asked:
        if name not in filters and name not in others:
            raise InvalidBody(f"{name}: unknown parameter{nearest(name, [*filters, *others])}", param=name)
    return {name: _read(filters[name], name, asked.get(name, "")) for name in asked if name in filters}


def filtered(rows: QuerySet[Any], asked: QueryDict, filters: Mapping[str, Filter], *others: str) -> QuerySet[Any]:
    """Those of the rows that every filter in the query keeps; raises `InvalidBody` for an unknown parameter."""
    for name, value in values(asked, filters, *others).items():
        rows = rows.filter(**{filters[name].lookup: value})
    return rows


def page(
    rows: QuerySet[Any], asked: QueryDict, filters: Mapping[str, Filter], orders: Mapping[str, str], path: str
) -> Page:
    """The asked part of the rows; raises `InvalidBody`."""
    limit, offset = number(asked, "limit", USUAL, 1, MOST), number(asked, "offset", 0, 0, DEEPEST)
    rows = filtered(rows, asked, filters, "limit", "offset", "ordering")
    wish = asked.get("ordering", next(iter(orders)))
    sign, name = ("-", wish[1:]) if wish.startswith("-") else ("", wish)
    if name not in orders:
        raise InvalidBody(f"ordering: nothing is ordered by {name[:40]}{nearest(name, orders)}", param="ordering")
    found, total = list(rows.order_by(sign + orders[name], "pk")[offset : offset + limit]), rows.count()
    more = offset + limit < total
    query = urlencode({**asked.dict(), "limit": limit, "offset": offset + limit})
    return Page(found, total, limit, offset, f"{path}?{query}" if more else None)


def _read(known: Filter, name: str, text: str) -> Any:
    try:
        if "\0" in text or len(text) > 300:
            raise ValueError(text)
        return known.read(text)
    except ValueError:
        raise InvalidBody(f"{name}: {text[:40]!r} is not {known.says}", param=name) from None
