"""When is it slow? By the hour of the week."""

from calendar import day_abbr
from datetime import timedelta
from typing import Final

from msgspec import Struct

from dashboard.formatting import count, duration
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from dashboard.tables import Column, Table
from usage.selectors import Percentiles, TimeRange, percentile_week

SHORTEST, LONGEST = timedelta(days=7), timedelta(days=28)
SHADES: Final = 10
HOURS: Final = range(24)
A_SECOND_MS: Final = 1000


class Cell(Struct, frozen=True):
    """`shade` None: fewer than twenty samples."""

    text: str
    shade: int | None
    said: str
    found: Percentiles


class Heatmap(Struct, frozen=True):
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]  # a day and its hours
    sentence: str
    rest: str  # where it is found; empty: this is it


class LatencyHeatmapPanel(Panel):
    """p95 of the time to first token, hour by weekday, fetched once the page stands."""

    name = "latency_heatmap"
    title = "When is it slow?"
    unit = "p95 of the time to first token, by hour of the week"
    page = "latency"
    order = 35
    formula = (
        "Answered requests of the range, of a week at least and of four at most, by the clock of the page's zone. An "
        "hour of the week needs twenty samples; the shade goes by the slowest."
    )

    def data(self, scope: Scope) -> Heatmap:
        if not scope.alone:
            return Heatmap((), "", scope.panel_address(self.name))
        period = _weeks(scope)
        found = percentile_week(
            "ttft",
            period,
            scope.period.zone,
            tenant_id=scope.tenant_id,
            provider=scope.name("provider"),
            model=scope.name("model"),
        )
        return Heatmap(_rows(found), _sentence(found, period, scope), "")

    def table(self, data: Heatmap, scope: Scope) -> Table | None:
        if not data.rows:
            return None
        columns = (Column("Day"), Column("Hour"), Column("Samples"), Column("p50", "ms"), Column("p95", "ms"))
        cells = ((day, hour, cell.found) for day, hours in data.rows for hour, cell in enumerate(hours))
        return Table(columns, ((day, hour, one.n, one.p50, one.p95) for day, hour, one in cells))


def _weeks(scope: Scope) -> TimeRange:
    end = scope.period.end
    length = min(max(end - scope.period.start, SHORTEST), LONGEST)
    return TimeRange.around(end - length, end, scope.period.now)


def _rows(found: dict[tuple[int, int], Percentiles]) -> tuple[tuple[str, tuple[Cell, ...]], ...]:
    if not found:
        return ()
    slowest = max((one.p95 for one in found.values() if one.p95), default=0.0)
    return tuple(
        (day_abbr[day], tuple(_cell(day, hour, found.get((day, hour), Percentiles(None)), slowest) for hour in HOURS))
        for day in range(7)
    )


def _cell(day: int, hour: int, one: Percentiles, slowest: float) -> Cell:
    when = f"{day_abbr[day]} {hour:02d}:00"
    if one.p95 is None:
        return Cell("·" if one.n else "", None, f"{when}: {one.n} of 20 samples", one)
    text = f"{one.p95:.0f}" if one.p95 < A_SECOND_MS else f"{one.p95 / A_SECOND_MS:.1f} s"
    shade = min(int(one.p95 / slowest * SHADES), SHADES - 1)
    return Cell(text, shade, f"{when}: p95 {duration(one.p95)}, {count(one.n)} samples", one)


def _sentence(found: dict[tuple[int, int], Percentiles], period: TimeRange, scope: Scope) -> str:
    zone = scope.period.zone
    span = f"{period.start.astimezone(zone):%-d %b} to {period.end.astimezone(zone):%-d %b}, {scope.period.zone_name}"
    known = {when: one.p95 for when, one in found.items() if one.p95 is not None}
    if not known:
        return f"{span}: no hour of the week has twenty samples."
    (day, hour), slowest = max(known.items(), key=lambda item: item[1])
    return f"{span}: slowest on {day_abbr[day]} at {hour:02d}:00, {duration(slowest)}. Milliseconds, unless it says s."
