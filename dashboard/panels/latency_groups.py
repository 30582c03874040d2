"""Which provider, model, deployment or tenant is slow, or lets its callers wait in vain?"""

from collections.abc import Mapping

from msgspec import Struct

from dashboard.accepted import PERCENTILES
from dashboard.behind import failures_in
from dashboard.colours import OTHER, colours_of
from dashboard.drawing import sparkline
from dashboard.groups import Tab, Tabs, chosen, labels, requests_of, tabs, words_of
from dashboard.latencies import percentile_of, percentile_tabs, timed
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from dashboard.sorting import Key, Sorting, sorting
from dashboard.tables import Column, Table
from usage.scale import lower_ms, slot_of
from usage.selectors import Attempts, Metric, Percentiles, attempts, percentile_series_by, percentiles, together
from usage.selectors.failures import ANY
from usage.selectors.latency import By

GROUPS: tuple[By, ...] = ("provider", "model", "deployment", "tenant")
MOST_ROWS = 50
TIMEOUT, STALL = "UpstreamTimeout", "UpstreamStalled"  # classes of error of providers.errors
SLOWEST = {"status": "answered", "sort": "-ttft"}  # the list of the requests that waited longest
METRICS = ("ttft", "tpot", "total")
SORTS = (
    "name",
    "timeouts",
    "stalls",
    "speed",
    *(f"{metric}{which}" for metric in METRICS for which in ("_n", *map(str, PERCENTILES))),
)


class Found(Struct, frozen=True):
    """What is known of a value; what comes of attempts is not kept by everything that requests are."""

    name: str
    ttft: Percentiles
    tpot: Percentiles
    total: Percentiles
    timeouts: int | None
    stalls: int | None
    tokens_per_s: float | None  # weighted by tokens
    course: tuple[float | None, ...]  # the chosen percentile of the time to first token, along the range


class Row(Struct, frozen=True):
    found: Found
    address: str
    slowest: Mapping[str, str]  # the addresses of its slowest requests: by ttft, by total
    timeouts: str  # those of its requests with an attempt that ran out of time, and with one that stalled
    stalls: str
    colour: int
    shares: tuple[float, float, float] | None  # p50, p95, p99 of the slowest row's p99
    course: str  # as points of a line; empty: too few samples


class LatencyGroups(Struct, frozen=True):
    tabs: Tabs
    percentiles: tuple[Tab, ...]
    percentile: int
    group: str
    order: Sorting
    rows: tuple[Row, ...]
    groups: int
    slowest: str
    streamed: bool  # whether the time per token is kept for this group and this tenant


class LatencyGroupsPanel(Panel):
    """Percentiles by a group, the slowest first unless told otherwise."""

    name = "latency_groups"
    title = "Who is slow?"
    unit = "answered requests"
    page = "latency"
    order = 30
    formula = (
        "Percentiles come from counts on a logarithmic scale and are right to about 6 %. They need twenty samples. "
        "Time per token is of the attempt that answered, from its first token on. Speed is of "
        "streamed answers, weighted by tokens. Timeouts are attempts that ended because time ran out: to the first "
        "byte, to the first token, or in all; stalls those whose answer had begun, and then stopped for too long."
    )
    counts = {"status": "answered"}

    def groups(self, scope: Scope) -> tuple[By, ...]:
        return GROUPS

    def data(self, scope: Scope) -> LatencyGroups:
        group, percentile = chosen(scope, GROUPS), percentile_of(scope)
        order = sorting(scope, SORTS, f"-ttft{percentile}")
        found = _found(scope, group, percentile)
        shown = order.rows(sorted(found, key=lambda value: str(value)), lambda value, by: _key(found[value], by))
        slowest = max((one.ttft.p99 for one in found.values() if one.ttft.p99), default=0.0)
        colours = colours_of((found[value].name for value in shown[:MOST_ROWS]), scope.board.colours)
        rows = tuple(_row(scope, group, value, found[value], colours, slowest) for value in shown[:MOST_ROWS])
        return LatencyGroups(
            tabs=tabs(scope, GROUPS),
            percentiles=percentile_tabs(scope),
            percentile=percentile,
            group=group,
            order=order,
            rows=rows,
            groups=len(found),
            slowest=scope.link("requests", **SLOWEST),
            streamed=_by_attempt(scope, group),
        )

    def table(self, data: LatencyGroups, scope: Scope) -> Table:
        columns = [Column(data.group.capitalize())]
        for what in ("First token", "Per token", "Total"):
            columns += Column(f"{what} samples"), *(Column(f"{what} p{one}", "ms") for one in PERCENTILES)
        columns += Column("Timeouts"), Column("Stalls"), Column("Speed", "tokens/s")
        return Table(tuple(columns), (_cells(row.found) for row in data.rows))


def _by_attempt(scope: Scope, group: By) -> bool:
    """Whether what is kept for all tenants together can be shown."""
    return scope.tenant_id is None and group != "tenant"


def _found(scope: Scope, group: By, percentile: int) -> dict[int | str, Found]:
    total, over_time, called = _felt(scope, "total", group), _over_time(scope, group), _called(scope, group)
    tpot = _felt(scope, "tpot", group) if _by_attempt(scope, group) else {}
    values = over_time.keys() | total.keys()
    named = labels(scope, group, list(values))

    def found(value: int | str) -> Found:
        whole, parts = over_time.get(value, (Percentiles(value), []))
        tried = None if called is None else called.get(value, Attempts(str(value)))
        return Found(
            name=named[value],
            ttft=whole,
            tpot=_of(tpot, value),
            total=_of(total, value),
            timeouts=None if tried is None else tried.errors.get(TIMEOUT, 0),
            stalls=None if tried is None else tried.errors.get(STALL, 0),
            tokens_per_s=None if tried is None else tried.tokens_per_s,
            course=tuple(part.at(percentile) for part in parts),
        )

    return {value: found(value) for value in values}


def _felt(scope: Scope, metric: Metric, group: By) -> dict[int | str, Percentiles]:
    found = percentiles(metric, scope.period.span, group, **timed(scope))
    return {one.value: one for one in found if one.value is not None}


def _over_time(scope: Scope, group: By) -> dict[int | str, tuple[Percentiles, list[Percentiles]]]:
    return percentile_series_by("ttft", scope.period.course, group, **timed(scope))


def _called(scope: Scope, group: By) -> dict[int | str, Attempts] | None:
    """The attempts by the group; None by tenant, for which no sum of attempts is grouped."""
    if group == "tenant":
        return None
    parts: dict[int | str, list[Attempts]] = {}
    for one in scope.ask(attempts, scope.period.span, scope.tenant_id):
        if scope.fits(one.deployment):
            provider, _, model = one.deployment.partition("/")
            parts.setdefault({"provider": provider, "model": model}.get(group, one.deployment), []).append(one)
    return {value: together(ones) for value, ones in parts.items()}


def _key(one: Found, column: str) -> Key:
    """What a column is sorted by."""
    plain: dict[str, Key] = {"timeouts": one.timeouts, "stalls": one.stalls, "speed": one.tokens_per_s}
    if column == "name" or column in plain:
        return one.name.casefold() if column == "name" else plain[column]
    found: Percentiles = getattr(one, next(metric for metric in METRICS if column.startswith(metric)))
    return found.n if column.endswith("_n") else found.at(int(column[-2:]))


def _cells(one: Found) -> tuple[str | float | None, ...]:
    parts = (one.ttft, one.tpot, one.total)
    felt = (cell for part in parts for cell in (part.n, *map(part.at, PERCENTILES)))
    return one.name, *felt, one.timeouts, one.stalls, one.tokens_per_s


def _row(scope: Scope, group: By, value: int | str, one: Found, colours: dict[str, int], slowest: float) -> Row:
    return Row(
        found=one,
        address=requests_of(scope, group, value),
        slowest={metric: _slowest(scope, group, value, metric, getattr(one, metric)) for metric in ("ttft", "total")},
        timeouts=_failing(scope, group, value, TIMEOUT),
        stalls=_failing(scope, group, value, STALL),
        colour=colours.get(one.name, OTHER),
        shares=_shares(one.ttft, slowest),
        course=sparkline(one.course),
    )


def _slowest(scope: Scope, group: By, value: int | str, metric: str, felt: Percentiles) -> str:
    """Its answered requests that took about its p99 or more, the longest first; empty where that is not known.

    From the beginning of the slot that the percentile lies in: of where in it each sample was nothing is known.
    """
    if felt.p99 is None:
        return ""
    least_ms = int(lower_ms(slot_of(felt.p99)))
    words = {"status": "answered", "sort": f"-{metric}", f"min_{metric}": str(least_ms)}
    return scope.link("requests", **words_of(scope, group, value) | words)


def _failing(scope: Scope, group: By, value: int | str, error: str) -> str:
    """The requests with an attempt of this group that ended so."""
    whole = {"provider": f"{value}/{ANY}", "model": f"{ANY}/{value}", "deployment": str(value)}
    return failures_in(scope, error=error, deployment=whole.get(group, ""))


def _of(found: dict[int | str, Percentiles], value: int | str) -> Percentiles:
    return found.get(value, Percentiles(value))


def _shares(one: Percentiles, slowest: float) -> tuple[float, float, float] | None:
    if one.p50 is None or one.p95 is None or one.p99 is None or not slowest:
        return None
    return one.p50 / slowest, one.p95 / slowest, one.p99 / slowest
