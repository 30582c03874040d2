"""How fast do answers stream, over time?"""

from msgspec.structs import replace

from dashboard.formatting import per_token, speed
from dashboard.latencies import Latency, latency_chart
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from usage.selectors import attempts, together


class LatencyTpotPanel(Panel):
    """Time per token per bucket, and the speed of all of them together."""

    name = "latency_tpot"
    title = "How fast do answers stream?"
    unit = "milliseconds per token"
    page = "latency"
    order = 40
    width = "half"
    formula = (
        "From the first token to the last, divided by the tokens between, of streamed answers: one sample each. Tokens "
        "per second are those of all together, so that a long answer weighs as much as it is long."
    )
    counts = {"status": "answered"}

    def data(self, scope: Scope) -> Latency:
        found = latency_chart(self.name, scope, "tpot", "Time per token", "ms", by_tenant=False)
        called = [one for one in scope.ask(attempts, scope.period.span, scope.tenant_id) if scope.fits(one.deployment)]
        whole = together(called).tokens_per_s if called else None
        if found.chart is None or whole is None:
            return found
        said = f"Weighted by tokens: {per_token(whole)} per token, {speed(whole)} tok/s."
        return Latency(replace(found.chart, sentence=f"{found.chart.sentence} {said}"))
