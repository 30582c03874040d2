"""Which provider, model, deployment or tenant is slow?"""

from msgspec import Struct

from dashboard.colours import OTHER, colours_of
from dashboard.drawing import sparkline
from dashboard.groups import By, Tab, chosen, labels, requests_of, tabs
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from dashboard.tables import Column, Table
from usage.selectors import Metric, Percentiles, percentile_series_by, percentiles

GROUPS: tuple[By, ...] = ("provider", "model", "deployment", "tenant")
MOST_ROWS = 50


class Row(Struct, frozen=True):
    name: str
    address: str
    colour: int
    ttft: Percentiles
    total: Percentiles
    shares: tuple[float, float, float] | None  # p50, p95, p99 of the slowest row's p99
    course: str  # p95 of the time to first token, bucket by bucket, as points of a line; empty: too few samples


class LatencyGroups(Struct, frozen=True):
    tabs: tuple[Tab, ...]
    group: str
    rows: tuple[Row, ...]


class LatencyGroupsPanel(Panel):
    """Percentiles by a group, the slowest first."""

    name = "latency_groups"
    title = "Who is slow?"
    unit = "answered requests, the slowest first"
    page = "latency"
    order = 30
    formula = (
        "Percentiles come from counts on a logarithmic scale and are right to about 6 %. They need twenty samples."
    )
    counts = {"status": "answered"}

    def data(self, scope: Scope) -> LatencyGroups:
        group = chosen(scope, GROUPS)
        total, over_time = _felt(scope, "total", group), _over_time(scope, group)
        ttft = {value: whole for value, (whole, _) in over_time.items()}
        values = sorted(ttft.keys() | total.keys(), key=lambda value: -(_of(ttft, value).p95 or 0))[:MOST_ROWS]
        named = labels(scope, group, values)
        colours = colours_of(named[value] for value in values)
        slowest = max((one.p99 for one in ttft.values() if one.p99), default=0.0)
        rows = tuple(
            Row(
                name=named[value],
                address=requests_of(scope, group, value),
                colour=colours.get(named[value], OTHER),
                ttft=_of(ttft, value),
                total=_of(total, value),
                shares=_shares(_of(ttft, value), slowest),
                course=sparkline([part.p95 for part in over_time[value][1]]) if value in over_time else "",
            )
            for value in values
        )
        return LatencyGroups(tabs(scope, GROUPS), group, rows)

    def table(self, data: LatencyGroups, scope: Scope) -> Table:
        heads = [
            (f"{what} {name}", unit)
            for what in ("First token", "Total")
            for name, unit in (("samples", ""), ("p50", "ms"), ("p95", "ms"), ("p99", "ms"))
        ]
        columns = (Column(data.group.capitalize()), *(Column(label, unit) for label, unit in heads))  # type: ignore[arg-type]
        return Table(columns, ((row.name, *_cells(row.ttft), *_cells(row.total)) for row in data.rows))


def _cells(one: Percentiles) -> tuple[float | None, ...]:
    return one.n, one.p50, one.p95, one.p99


def _felt(scope: Scope, metric: Metric, group: By) -> dict[int | str, Percentiles]:
    found = percentiles(
        metric,
        scope.period.span,
        group,  # type: ignore[arg-type]
        tenant_id=scope.tenant_id,
        provider=scope.name("provider"),
        model=scope.name("model"),
    )
    return {one.value: one for one in found if one.value is not None}


def _over_time(scope: Scope, group: By) -> dict[int | str, tuple[Percentiles, list[Percentiles]]]:
    return percentile_series_by(
        "ttft",
        scope.period.buckets,
        group,  # type: ignore[arg-type]
        tenant_id=scope.tenant_id,
        provider=scope.name("provider"),
        model=scope.name("model"),
    )


def _of(found: dict[int | str, Percentiles], value: int | str) -> Percentiles:
    return found.get(value, Percentiles(value))


def _shares(one: Percentiles, slowest: float) -> tuple[float, float, float] | None:
    if one.p50 is None or one.p95 is None or one.p99 is None or not slowest:
        return None
    return one.p50 / slowest, one.p95 / slowest, one.p99 / slowest
