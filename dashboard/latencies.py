"""How is a latency over time drawn? p50, a band up to p95, p99 thin; a bucket with too few samples is a dot."""

from typing import Final, TypedDict

from msgspec import Struct

from dashboard.accepted import PERCENTILES
from dashboard.behind import bucket_links
from dashboard.charts import Chart, Series, Unit
from dashboard.formatting import counted, duration
from dashboard.groups import Tab
from dashboard.scope import Scope
from usage.selectors import Metric, Whose, percentile_series

USUAL_PERCENTILE: Final = 95
UNTIMED: Final = ("policy", "key")  # filters that requests and costs are summed up by; attempts and times are not
_TOGETHER: Final = "This is measured for all tenants together."
_NOT_YOURS: Final = "This is measured for all tenants together, and you see some of them. An owner can let you see all."


class Latency(Struct, frozen=True):
    """`everybody` is the address of the page without the tenant that keeps the chart from being drawn."""

    chart: Chart | None
    note: str = ""
    everybody: str = ""


class Timed(TypedDict):
    """Whose times, as the selectors of percentiles understand it."""

    tenant_id: Whose
    provider: str | None
    model: str | None


def timed(scope: Scope) -> Timed:
    """Those that the filters of the page leave."""
    return Timed(tenant_id=scope.tenant_id, provider=scope.name("provider"), model=scope.name("model"))


def untimed(scope: Scope) -> tuple[str, ...]:
    """The filters in use that attempts and times do not know; a file leaves these out then."""
    return tuple(word for word in UNTIMED if scope.word(word))


def percentile_of(scope: Scope) -> int:
    """The `percentile` of the address: what the heatmap shades, sparklines follow and tables begin with."""
    return next((one for one in PERCENTILES if scope.word("percentile") == str(one)), USUAL_PERCENTILE)


def percentile_tabs(scope: Scope) -> tuple[Tab, ...]:
    """The choice of one; the usual one needs no word in the address."""
    current = percentile_of(scope)
    words = {one: "" if one == USUAL_PERCENTILE else str(one) for one in PERCENTILES}
    return tuple(Tab(f"p{one}", scope.here(percentile=words[one]), one == current) for one in PERCENTILES)


def latency_chart(name: str, scope: Scope, metric: Metric, what: str, unit: Unit, by_tenant: bool = True) -> Latency:
    """Percentiles of a metric per bucket. `by_tenant` False: the metric is kept for all tenants together."""
    period = scope.period
    if scope.tenant_id is not None and not by_tenant:
        return Latency(None, _TOGETHER, scope.here(tenant="")) if scope.sight is None else Latency(None, _NOT_YOURS)
    buckets = (period.span, *period.buckets)
    whole, *parts = scope.ask(percentile_series, metric, buckets, **timed(scope))
    if not whole.n:
        return Latency(None)
    behind = bucket_links(scope, status="answered")
    lines: tuple[Series, ...] = (
        Series("p50", tuple(part.p50 for part in parts), 0, "line", addresses=behind),
        Series("p95", tuple(part.p95 for part in parts), 1, "line", band=True, addresses=behind),
        Series("p99", tuple(part.p99 for part in parts), 6, "line", dashed=True, addresses=behind),
    )
    if any(few := tuple(part.middle for part in parts)):
        lines += (Series("median of 1 to 19 samples", few, 0, "line", dots=True, addresses=behind),)
    sentence = (
        f"{what} over the range: p50 {duration(whole.p50)}, p95 {duration(whole.p95)}, p99 {duration(whole.p99)}, "
        f"of {counted(whole.n, 'sample')}."
    )
    if whole.p50 is None:
        sentence = f"{counted(whole.n, 'sample')}: percentiles need twenty."
    chart = Chart(name, unit, period.labels, lines, sentence, stacked=False, partial=period.partial)
    return Latency(chart)
