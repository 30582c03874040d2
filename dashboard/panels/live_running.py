"""How many requests run at once?"""

from typing import Any

from dashboard.live import curve_table, live_page, running_chart
from dashboard.panels.base import Panel
from dashboard.panels.live_rate import LiveCurve
from dashboard.scope import Scope
from dashboard.tables import Table


class LiveRunningPanel(Panel):
    """Requests in flight in the last five minutes."""

    name = "live_running"
    title = "How many run at once?"
    unit = "requests"
    page = "live"
    order = 40
    width = "half"
    formula = (
        "Requests that had begun and not ended at the end of each four seconds of the last five minutes, added up "
        "over all workers."
    )

    def data(self, scope: Scope) -> LiveCurve:
        return LiveCurve(running_chart(live_page(scope).live))

    def table(self, data: Any, scope: Scope) -> Table:
        return curve_table(data.chart)
