"""How long until the first token, over time?"""

from dashboard.latencies import Latency, latency_chart
from dashboard.panels.base import Panel
from dashboard.scope import Scope


class LatencyTtftPanel(Panel):
    """Time to first token per bucket."""

    name = "latency_ttft"
    title = "How long until the first token?"
    unit = "seconds, answered requests"
    page = "latency"
    order = 10
    width = "half"
    formula = "From the arrival of the request here to the first content sent on, failovers included."
    counts = {"status": "answered"}

    def data(self, scope: Scope) -> Latency:
        return latency_chart(self.name, scope, "ttft", "Time to first token", "s")
