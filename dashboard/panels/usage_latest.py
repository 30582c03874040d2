"""What did I ask last?"""

from msgspec import Struct, structs

from dashboard.listing import Line, lines
from dashboard.ownuse import keys_shown
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from usage.selectors import RequestFilter, page
from usage.selectors.ofkeys import newest_of_keys

SHOWN = 8


class UsageLatest(Struct, frozen=True):
    rows: tuple[Line, ...]
    mine: bool


class UsageLatestPanel(Panel):
    """The newest requests of one's own keys that fit the filters of the address, or of all keys."""

    name = "usage_latest"
    title = "What was asked last?"
    page = "usage"
    order = 40
    counts = {}
    formula = (
        "The newest records of my keys that fit the filters; of all keys where these are chosen above. Whose key it "
        "was is said by its prefix."
    )

    def data(self, scope: Scope) -> UsageLatest:
        whose, mine = RequestFilter(**structs.asdict(scope.entities)), keys_shown(scope)
        if mine is None:
            return UsageLatest(lines(page(scope.period.span, whose, limit=SHOWN).rows), False)
        return UsageLatest(lines(newest_of_keys(scope.period.span, whose, mine, SHOWN)), True)
