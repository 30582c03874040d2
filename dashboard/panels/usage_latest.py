"""What did I ask last?"""

from msgspec import Struct, structs

from dashboard.listing import Line, lines
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from usage.selectors import RequestFilter, page

SHOWN = 8


class UsageLatest(Struct, frozen=True):
    rows: tuple[Line, ...]


class UsageLatestPanel(Panel):
    """The newest requests of one's tenant that fit the filters of the address."""

    name = "usage_latest"
    title = "What was asked last?"
    page = "usage"
    order = 40
    counts = {}
    formula = "The newest records of the tenant that fit the filters. Whose key it was is said by its prefix."

    def data(self, scope: Scope) -> UsageLatest:
        whose = RequestFilter(**structs.asdict(scope.entities))
        return UsageLatest(lines(page(scope.period.span, whose, limit=SHOWN).rows))
