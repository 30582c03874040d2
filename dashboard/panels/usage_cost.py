"""What have I used, over time?"""

from collections.abc import Sequence

from msgspec import Struct

from dashboard.charts import Chart
from dashboard.costs import cost_chart
from dashboard.ownuse import Choice, choices, keys_shown
from dashboard.panels.base import Panel
from dashboard.scope import Scope


class UsageCost(Struct, frozen=True):
    choices: Sequence[Choice]
    chart: Chart | None
    mine: bool


class UsageCostPanel(Panel):
    """Cost per bucket by one's own key. Of all keys, by tenant for who sees several and has chosen none: six of all
    their keys say little."""

    name = "usage_cost"
    title = "What have I used?"
    unit = "US dollars, by key; of all keys of several tenants, by tenant"
    page = "usage"
    order = 20
    formula = (
        "Tokens as the provider counted them, at the price that stood when the request came. Requests without a "
        "price are left out and counted. The page on cost has the same sums. My keys are those that I made, those that "
        "ended too, and those with which the playground asks for me."
    )
    counts = {}

    def data(self, scope: Scope) -> UsageCost:
        mine = keys_shown(scope)
        several = len(scope.tenants) > 1 and not scope.word("tenant") and scope.key_id is None and mine is None
        chart = cost_chart(self.name, scope, "tenant" if several else "key", only=mine).chart
        return UsageCost(choices(scope), chart, mine is not None)
