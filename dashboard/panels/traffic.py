"""How many requests came, and how did they end?"""

from msgspec import Struct

from dashboard.behind import bucket_links
from dashboard.charts import Chart, Series
from dashboard.formatting import count
from dashboard.panels.base import Panel
from dashboard.panels.tiles import total
from dashboard.scope import Scope
from usage.selectors import Totals, series

ENDINGS: tuple[tuple[str, int | str], ...] = (  # in the order of stacking
    ("answered", "ok"),
    ("rejected", "warn"),
    ("cancelled", 6),
    ("interrupted", 3),
    ("failed", "bad"),
)


class Traffic(Struct, frozen=True):
    chart: Chart | None


class TrafficPanel(Panel):
    """Requests per bucket, stacked by how they ended."""

    name = "traffic"
    title = "How many requests?"
    unit = "requests"
    page = "home"
    order = 30
    width = "half"
    counts = {}
    formula = (
        "Requests in the bucket in which they came, by how they ended. An empty bucket is zero; the paler ones "
        "are cut by the range."
    )

    def data(self, scope: Scope) -> Traffic:
        _, *buckets = scope.ask(series, (scope.period.before, *scope.period.buckets), scope.entities)
        return Traffic(chart_of(self.name, scope, buckets))


def chart_of(name: str, scope: Scope, buckets: list[Totals]) -> Chart | None:
    """Bars by ending; endings that did not occur are left out. None without requests."""
    whole = total(buckets)
    if not whole.requests:
        return None
    layers = [
        Series(
            ending,
            tuple(getattr(part, ending) for part in buckets),
            colour,
            addresses=bucket_links(scope, status=ending),
        )
        for ending, colour in ENDINGS
        if getattr(whole, ending)
    ]
    period = scope.period
    peak = max(range(len(buckets)), key=lambda i: buckets[i].requests)
    sentence = (
        f"{count(whole.requests)} requests, {count(whole.answered)} of them answered; most {period.bucket[1]} at "
        f"{period.labels[peak]}: {count(buckets[peak].requests)}."
    )
    return Chart(name, "requests", period.labels, tuple(layers), sentence, partial=period.partial)
