"""In which order do the rows of a table stand? By the `sort` of the address: a column, after a dash from above."""

from collections.abc import Callable, Collection, Iterable, Mapping
from operator import itemgetter
from typing import Final, TypeVar

from msgspec import Struct

from dashboard.scope import Scope

Row = TypeVar("Row")
Key = float | str | None
ASCENDING: Final = "ascending"
DESCENDING: Final = "descending"


class Head(Struct, frozen=True):
    """The heading of a column that sorts: the address that sorts by it, and how it is sorted by now ("": it is not)."""

    address: str
    sorted: str = ""


class Sorting(Struct, frozen=True):
    """An order among those that a table offers, and the headings that change it."""

    by: str
    down: bool
    heads: Mapping[str, Head]

    def rows(self, rows: Iterable[Row], key: Callable[[Row, str], Key]) -> list[Row]:
        """The rows in this order by `key(row, column)`; those whose value is unknown last, whichever way it goes."""
        keyed = [(key(row, self.by), row) for row in rows]
        known = sorted((pair for pair in keyed if pair[0] is not None), key=itemgetter(0), reverse=self.down)
        return [row for _, row in known] + [row for value, row in keyed if value is None]


def sorting(scope: Scope, columns: Collection[str], usual: str) -> Sorting:
    """The order of the address if it is one of `columns`, else `usual`, which no address needs to name.

    The first click on a heading sorts numbers from above and `name` from below, the second the other way.
    """
    word = scope.word("sort")
    word = word if word.removeprefix("-") in columns else usual
    by, down = word.removeprefix("-"), word.startswith("-")

    def head(column: str) -> Head:
        if column == by:
            return Head(address(column if down else f"-{column}"), DESCENDING if down else ASCENDING)
        return Head(address(column if column == "name" else f"-{column}"))

    def address(word: str) -> str:
        return scope.here(sort="" if word == usual else word)

    return Sorting(by, down, {column: head(column) for column in columns})
