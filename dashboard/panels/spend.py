"""What did it cost, and at whom?"""

from msgspec import Struct

from dashboard.charts import Chart
from dashboard.costs import cost_chart
from dashboard.panels.base import Panel
from dashboard.scope import Scope


class Spend(Struct, frozen=True):
    chart: Chart | None


class SpendPanel(Panel):
    """Cost per bucket, stacked by provider."""

    name = "spend"
    title = "What does it cost?"
    unit = "US dollars, by provider"
    page = "home"
    order = 40
    width = "half"
    formula = (
        "Tokens as the provider counted them, at the price that stood when the request came. Requests without a "
        "price are left out and counted."
    )
    counts = {}

    def data(self, scope: Scope) -> Spend:
        return Spend(cost_chart(self.name, scope, "provider").chart)
