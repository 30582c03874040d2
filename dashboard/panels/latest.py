"""What came last?"""

from msgspec import Struct

from dashboard.listing import Line, lines
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from usage.selectors import RequestFilter, page

SHOWN = 12


class Latest(Struct, frozen=True):
    rows: tuple[Line, ...]
    address: str


class LatestPanel(Panel):
    """The newest requests, each a link to its decision."""

    name = "latest"
    title = "What came last?"
    page = "home"
    order = 60
    formula = (
        "The newest records of the range that fit the filters, a moment after they ended: a record is journalled "
        "first and shipped within a second or two."
    )

    def data(self, scope: Scope) -> Latest:
        found = page(scope.period.span, RequestFilter(tenant_id=scope.tenant_id), limit=SHOWN)
        return Latest(lines(found.rows), scope.link("requests"))
