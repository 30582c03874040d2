"""How fast do answers stream, over time?"""

from dashboard.latencies import Latency, latency_chart
from dashboard.panels.base import Panel
from dashboard.scope import Scope


class LatencyTpotPanel(Panel):
    """Time per token per bucket."""

    name = "latency_tpot"
    title = "How fast do answers stream?"
    unit = "milliseconds per token"
    page = "latency"
    order = 40
    width = "half"
    formula = "From the first token to the last, divided by the tokens between, of streamed answers."
    counts = {"status": "answered"}

    def data(self, scope: Scope) -> Latency:
        return latency_chart(self.name, scope, "tpot", "Time per token", by_tenant=False)
