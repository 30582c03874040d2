"""How long does a whole answer take, over time?"""

from dashboard.latencies import Latency, latency_chart
from dashboard.panels.base import Panel
from dashboard.scope import Scope


class LatencyTotalPanel(Panel):
    """Total time per bucket."""

    name = "latency_total"
    title = "How long does an answer take?"
    unit = "seconds, answered requests"
    page = "latency"
    order = 20
    width = "half"
    formula = "From the arrival of the request here to the last byte of its answer."
    counts = {"status": "answered"}

    def data(self, scope: Scope) -> Latency:
        return latency_chart(self.name, scope, "total", "Total time", "s")
