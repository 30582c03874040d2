"""Where does the money go, over time?"""

from msgspec import Struct

from dashboard.accepted import By
from dashboard.charts import Chart
from dashboard.costs import cost_chart
from dashboard.groups import Tab, chosen, tabs
from dashboard.panels.base import Panel
from dashboard.scope import Scope

GROUPS: tuple[By, ...] = ("model", "provider", "deployment", "tenant", "key", "policy")


class CostOverTime(Struct, frozen=True):
    tabs: tuple[Tab, ...]
    chart: Chart | None
    shown: int
    groups: int
    hidden: int


class CostOverTimePanel(Panel):
    """Cost per bucket by a group, and the period before as a dotted line unless `compare=off`."""

    name = "cost_over_time"
    title = "Where does the money go?"
    unit = "US dollars"
    page = "cost"
    order = 10
    help = "prices#prices"
    formula = (
        "Tokens as the provider counted them (else our estimate), at the price that stood when the request came. "
        "What has no price is not in the bars; the table below counts it."
    )
    counts = {}

    def data(self, scope: Scope) -> CostOverTime:
        drawn = cost_chart(self.name, scope, chosen(scope, GROUPS), before=scope.compares)
        return CostOverTime(tabs(scope, GROUPS), drawn.chart, drawn.shown, drawn.groups, drawn.hidden)
