"""How much of the time is our own, over time?"""

from dashboard.latencies import Latency, latency_chart
from dashboard.panels.base import Panel
from dashboard.scope import Scope


class LatencyOverheadPanel(Panel):
    """Our own time per bucket."""

    name = "latency_overhead"
    title = "How much of it is our own?"
    unit = "milliseconds per request"
    page = "latency"
    order = 50
    width = "half"
    formula = "The time of a request in which no provider was waited for."
    counts = {}

    def data(self, scope: Scope) -> Latency:
        return latency_chart(self.name, scope, "overhead", "Our own time", "ms", by_tenant=False)
