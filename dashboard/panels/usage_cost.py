"""What have I used, over time?"""

from msgspec import Struct

from dashboard.charts import Chart
from dashboard.costs import cost_chart
from dashboard.panels.base import Panel
from dashboard.scope import Scope


class UsageCost(Struct, frozen=True):
    chart: Chart | None


class UsageCostPanel(Panel):
    """Cost per bucket, by key; by tenant for who sees several and has chosen none: six of all their keys say little."""

    name = "usage_cost"
    title = "What have I used?"
    unit = "US dollars, by key of one tenant, else by tenant"
    page = "usage"
    order = 20
    formula = (
        "Tokens as the provider counted them, at the price that stood when the request came. Requests without a "
        "price are left out and counted. The page on cost has the same sums."
    )
    counts = {}

    def data(self, scope: Scope) -> UsageCost:
        several = len(scope.tenants) > 1 and not scope.word("tenant") and scope.key_id is None
        return UsageCost(cost_chart(self.name, scope, "tenant" if several else "key").chart)
