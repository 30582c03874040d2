"""Which requests, one by one?"""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from dashboard.controls import STATUSES
from dashboard.listing import Line, lines
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from dashboard.tables import Column, Table
from usage.selectors import RequestFilter, page

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
)
COLUMNS: Final = (Column("Time"), Column("Request"), Column("Result"), *(column for _, column in FIELDS))


class RequestList(Struct, frozen=True):
    rows: tuple[Line, ...]
    first: str  # addresses; empty where there is no such page
    next: str


class RequestListPanel(Panel):
    """The requests that fit the filters, newest first, a page at a time."""

    name = "request_list"
    title = "Which requests?"
    unit = "newest first"
    page = "requests"
    order = 20
    file = f"The newest {MOST_ROWS:,} of these requests at most, as a file"
    formula = (
        "One line per request. Cost is the sum of all its attempts, — where a price is unknown; the time is from "
        "its arrival here to its last byte; attempts count retries and failovers."
    )

    def data(self, scope: Scope) -> RequestList:
        found = page(scope.period.span, filter_of(scope), scope.word("cursor") or None)
        first = scope.here() if scope.word("cursor") else ""
        return RequestList(lines(found.rows), first, scope.here(cursor=found.cursor) if found.cursor else "")

    def table(self, data: RequestList, scope: Scope) -> Table | None:
        return Table(COLUMNS, _all_of(scope)) if data.rows else None


def _all_of(scope: Scope) -> Iterator[tuple[Any, ...]]:
    """The requests that fit, from the newest on, read a page at a time while the file is written."""
    cursor: str | None = None
    for _ in range(MOST_ROWS // PER_READ):
        found = page(scope.period.span, filter_of(scope), cursor, limit=PER_READ)
        yield from (_cells(line) for line in lines(found.rows))
        if not (cursor := found.cursor):
            return


def _cells(line: Line) -> tuple[Any, ...]:
    one = line.listed
    return (line.started_at, line.wire_id, line.state, *(getattr(one, name) for name, _ in FIELDS))


def filter_of(scope: Scope) -> RequestFilter:
    """The words of the address as the selector's filter."""
    status = scope.word("status")
    return RequestFilter(
        status=status if status in STATUSES else None,  # type: ignore[arg-type]
        tenant_id=scope.tenant_id,
        key_id=scope.key_id,
        provider=scope.name("provider"),
        model=scope.name("model"),
        policy=scope.name("policy"),
        first_choice=scope.name("first"),
        served=scope.name("served" if scope.word("served") else "deployment"),
        session=scope.name("session"),
    )
