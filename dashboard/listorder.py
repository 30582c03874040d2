"""In which order are requests listed? By time either way, or the greatest of one figure among the newest that fit."""

from collections.abc import Mapping
from typing import Final

from dashboard.formatting import count
from dashboard.scope import Scope
from dashboard.sorting import ASCENDING, DESCENDING, Head, Sorting
from usage.selectors import WINDOW, Page, Top

NEWEST: Final = "-time"
OLDEST: Final = "time"
FIGURES: Final[Mapping[Top, str]] = {"cost": "dearest", "total": "longest", "ttft": "slowest to begin"}
ORDERS: Final = (NEWEST, OLDEST, *(f"-{figure}" for figure in FIGURES))


def list_order(scope: Scope) -> Sorting:
    """The order of the address; no index knows all of a range's requests by a figure, so those go from above only."""
    word = scope.word("sort")
    word = word if word in ORDERS else NEWEST
    by, down = word.removeprefix("-"), word.startswith("-")
    heads = {figure: Head(scope.here(sort=f"-{figure}")) for figure in FIGURES} | {"time": Head(scope.here(sort=""))}
    heads[by] = Head(scope.here(sort=OLDEST if word == NEWEST else ""), DESCENDING if down else ASCENDING)
    return Sorting(by, down, heads)


def figure_of(order: Sorting) -> Top | None:
    """The figure that a list is ordered by; None: by time."""
    return next((figure for figure in FIGURES if figure == order.by), None)


def said_of(order: Sorting, found: Page) -> str:
    """What stands in the list, in a sentence: how much was looked at is said where an index did not answer."""
    figure = figure_of(order)
    if found.looked is None:
        return "Newest first." if order.down else "Oldest first."
    which = f"the {count(WINDOW)} newest" if found.looked == WINDOW else f"all {count(found.looked)}"
    if figure is None:
        first = "Newest" if order.down else "Oldest"
        return f"{first} first; the tag was looked for in {count(found.looked)} requests."
    return f"The {FIGURES[figure]} first: {count(len(found.rows))} of {which} requests in this range that fit."
