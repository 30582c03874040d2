"""In which order are requests listed? By time either way, or the greatest of one figure among the newest that fit."""

from collections.abc import Mapping
from typing import Final

from dashboard.accepted import named
from dashboard.formatting import count
from dashboard.scope import Scope
from dashboard.sorting import ASCENDING, DESCENDING, Head, Sorting
from usage.selectors import WINDOW, Page, RequestFilter, Top
from usage.selectors.requests import FAILURES, MOST_COUNTED, PAGE_ROWS
from usage.selectors.requestwords import sought

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


def said_of(order: Sorting, found: Page, chosen: RequestFilter, matched: int | None = None) -> str:
    """What stands in the list, in a sentence: how much was looked at is said where an index did not answer."""
    figure, first = figure_of(order), "Newest" if order.down else "Oldest"
    if figure is not None:
        which = (
            f"the {count(found.looked)} newest"
            if found.looked == (FAILURES if chosen.failing else WINDOW)
            else f"all {count(found.looked)}"
        )
        fit = f"fit the other filters; {_sought(chosen)} looked for in them" if chosen.unindexed else "fit"
        return f"The {FIGURES[figure]} first: {count(len(found.rows))} of {which} requests in this range that {fit}."
    if chosen.failing and (found.cursor is None or len(found.rows) == PAGE_ROWS):
        return f"{first} first, with those that another candidate rescued."
    if chosen.failing:
        return f"{first} first; the other filters were looked for in {count(found.looked)} requests that failed so."
    if matched is not None:
        more = matched > MOST_COUNTED
        return f"{first} first; {f'more than {count(MOST_COUNTED)}' if more else count(matched)} in this range fit."
    if found.looked is None:
        return f"{first} first."
    return f"{first} first; {_sought(chosen)} looked for in {count(found.looked)} requests."


def _sought(chosen: RequestFilter) -> str:
    """`the tag was`, `tag and least cost were`."""
    *others, last = map(named, sought(chosen))
    return f"{', '.join(others)} and {last} were" if others else f"the {last} was"
