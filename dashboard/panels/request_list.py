"""Which requests, one by one?"""

from msgspec import Struct

from dashboard.controls import STATUSES
from dashboard.listing import Line, lines
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from usage.selectors import RequestFilter, page


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

    def data(self, scope: Scope) -> RequestList:
        found = page(scope.period.span, filter_of(scope), scope.word("cursor") or None)
        first = scope.here() if scope.word("cursor") else ""
        return RequestList(lines(found.rows), first, scope.here(cursor=found.cursor) if found.cursor else "")


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
        served=scope.name("served"),
    )
