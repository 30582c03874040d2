"""How many requests begin?"""

from typing import Any

from msgspec import Struct

from dashboard.charts import Chart
from dashboard.live import curve_table, live_page, rate_chart
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from dashboard.tables import Table


class LiveCurve(Struct, frozen=True):
    chart: Chart


class LiveRatePanel(Panel):
    """Requests begun per second in the last five minutes."""

    name = "live_rate"
    title = "How many begin?"
    unit = "requests per second"
    page = "live"
    order = 30
    width = "half"
    formula = (
        "Requests that began in the last five minutes, in steps of four seconds, as the workers counted them, "
        "added up over all workers."
    )

    def data(self, scope: Scope) -> LiveCurve:
        page = live_page(scope)
        return LiveCurve(rate_chart(page.live, page.wanted))

    def table(self, data: Any, scope: Scope) -> Table:
        return curve_table(data.chart)
