"""Which requests, one by one?"""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from dashboard.listing import Line, lines
from dashboard.listorder import figure_of, list_order, said_of
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from dashboard.sorting import Sorting
from dashboard.tables import Column, Table
from feedback.selectors import ratings_of
from usage.selectors import Listed, Page, RequestFilter, page, tops
from usage.selectors.requests import PAGE_ROWS, matched
from usage.selectors.requestwords import filter_said

PER_READ: Final = 1000
MOST_ROWS: Final = 100_000  # in a file
FIELDS: Final[tuple[tuple[str, Column], ...]] = (
    ("http_status", Column("HTTP status")),
    ("error", Column("Error")),
    ("asked_model", Column("Model asked for")),
    ("provider", Column("Provider")),
    ("model", Column("Model")),
    ("policy", Column("Policy")),
    ("first_choice", Column("First choice")),
    ("tenant", Column("Tenant")),
    ("key_prefix", Column("Key")),
    ("prompt_tokens", Column("Tokens in")),
    ("completion_tokens", Column("Tokens out")),
    ("cached_tokens", Column("Cached tokens")),
    ("estimated", Column("Estimated")),
    ("cost_nano_usd", Column("Cost", "USD")),
    ("ttft_ms", Column("First token", "ms")),
    ("total_ms", Column("Total", "ms")),
    ("attempts_count", Column("Attempts")),
    ("failovers", Column("Failovers")),
    ("category", Column("Task")),
    ("session", Column("Session")),
    ("why", Column("Why")),
)
COLUMNS: Final = (
    Column("Time"),
    Column("Request"),
    Column("Result"),
    *(column for _, column in FIELDS),
    Column("Tags"),
    Column("Rating"),
)


class RequestList(Struct, frozen=True):
    rows: tuple[Line, ...]
    order: Sorting
    said: str  # which requests these are, in which order
    first: str  # addresses; empty where there is no such page
    next: str


class RequestListPanel(Panel):
    """The requests that fit the filters by time, a page at a time; or the greatest by a figure, in one."""

    name = "request_list"
    title = "Which requests?"
    page = "requests"
    order = 20
    file = f"These requests as a file, {MOST_ROWS:,} at most"
    formula = (
        "One line per request. Cost is the sum of all its attempts, — where a price is unknown; the time is from "
        "its arrival here to its last byte; attempts count retries and failovers. By cost, time to the first token or "
        "total time, the newest 10,000 requests that fit are compared, 2,000 of those that met an error. A tag, bounds "
        "of cost, times and attempts, streamed and finish are looked for in as many at a time; what is unknown fits no "
        "bound. An error is of the request or of any of its attempts; failed: where that was."
    )

    def data(self, scope: Scope) -> RequestList:
        order = list_order(scope)
        found = _read(scope, order, scope.word("cursor") or None)
        first = scope.here() if scope.word("cursor") else ""
        following = scope.here(cursor=found.cursor) if found.cursor else ""
        said = said_of(order, found, filter_of(scope), _matched(scope, order, found))
        return RequestList(_lines(found.rows), order, said, first, following)

    def table(self, data: RequestList, scope: Scope) -> Table | None:
        return Table(COLUMNS, _all_of(scope, data.order)) if data.rows else None


def _read(scope: Scope, order: Sorting, cursor: str | None, limit: int = PAGE_ROWS) -> Page:
    """A page of the list, or all of one that is ordered by a figure."""
    span, chosen, figure = scope.period.span, filter_of(scope), figure_of(order)
    return tops(span, chosen, figure) if figure else page(span, chosen, cursor, limit, oldest=not order.down)


def _matched(scope: Scope, order: Sorting, found: Page) -> int | None:
    """How many fit, where the chart above does not say it: with a filter that no sum knows; None: it does, or who
    reads has gone on from the first page, or the order says how many were looked at."""
    chosen = filter_of(scope)
    unsummed = (chosen.status, chosen.first_choice, chosen.served, chosen.session, chosen.task)
    if all(one is None for one in unsummed) or found.looked is not None or figure_of(order) or scope.word("cursor"):
        return None
    return matched(scope.period.span, chosen) if found.cursor else len(found.rows)


def _lines(rows: list[Listed]) -> tuple[Line, ...]:
    return lines(rows, ratings_of([row.id for row in rows], {row.tenant_id for row in rows}))


def _all_of(scope: Scope, order: Sorting) -> Iterator[tuple[Any, ...]]:
    """The requests that fit, in their order, read a page at a time while the file is written."""
    cursor: str | None = None
    written = 0
    while written < MOST_ROWS:
        found = _read(scope, order, cursor, PER_READ)
        yield from (_cells(line) for line in _lines(found.rows))
        written += len(found.rows)
        if not (cursor := found.cursor):
            return


def _cells(line: Line) -> tuple[Any, ...]:
    one = line.listed
    return (
        line.started_at,
        line.wire_id,
        line.state,
        *(getattr(one, name) for name, _ in FIELDS),
        ", ".join(one.tags),
        line.rating,
    )


def filter_of(scope: Scope) -> RequestFilter:
    """The words of the address as the selector's filter."""
    return filter_said(scope.words, scope.tenant_id, scope.key_id)
