"""When did attempts fail, and where?"""

from msgspec import Struct

from dashboard.charts import Chart, coloured
from dashboard.colours import COLOURS
from dashboard.formatting import count
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from usage.selectors import attempt_series


class ErrorsOverTime(Struct, frozen=True):
    chart: Chart | None
    attempts: int


class ErrorsOverTimePanel(Panel):
    """Failed attempts per bucket by deployment."""

    name = "errors_over_time"
    title = "When did attempts fail?"
    unit = "failed attempts, by deployment"
    page = "reliability"
    order = 20
    formula = (
        "Attempts that failed, retries and failovers included, in the bucket in which their request came. What a "
        "leaving client cancelled did not fail."
    )

    def data(self, scope: Scope) -> ErrorsOverTime:
        period = scope.period
        found = scope.ask(attempt_series, period.buckets, scope.tenant_id)
        failed = {name: tuple(part.failed for part in parts) for name, parts in found.items()}
        ranked = sorted((name for name in failed if any(failed[name])), key=lambda name: -sum(failed[name]))
        made = sum(part.attempts for parts in found.values() for part in parts)
        if not ranked:
            return ErrorsOverTime(None, made)
        layers: dict[str, tuple[float | None, ...]] = {name: failed[name] for name in ranked[:COLOURS]}
        if len(ranked) > COLOURS:
            layers["Other"] = tuple(map(sum, zip(*(failed[name] for name in ranked[COLOURS:]), strict=True)))
        total = sum(sum(failed[name]) for name in ranked)
        sentence = (
            f"{count(total)} of {count(made)} attempts failed, most at {ranked[0]}: {count(sum(failed[ranked[0]]))}."
        )
        chart = Chart(self.name, "requests", period.labels, coloured(layers, "bar"), sentence, partial=period.partial)
        return ErrorsOverTime(chart, made)
