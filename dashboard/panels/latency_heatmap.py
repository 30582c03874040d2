"""When is it slow? By the hour of the week."""

from calendar import day_abbr
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from msgspec import Struct

from dashboard.accepted import PERCENTILES
from dashboard.behind import requests_within
from dashboard.formatting import counted, duration
from dashboard.groups import Tab
from dashboard.latencies import percentile_of, percentile_tabs, timed
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from dashboard.tables import Column, Table
from usage.selectors import Percentiles, TimeRange, percentile_week

SHORTEST, LONGEST = timedelta(days=7), timedelta(days=28)
SHADES: Final = 10
HOURS: Final = range(24)
A_SECOND_MS: Final = 1000
TEN_SECONDS_MS: Final = 9_995  # from here on hundredths say nothing


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
    tabs: tuple[Tab, ...] = ()


class LatencyHeatmapPanel(Panel):
    """A percentile of the time to first token, hour by weekday, fetched once the page stands."""

    name = "latency_heatmap"
    title = "When is it slow?"
    unit = "time to first token, by hour of the week"
    page = "latency"
    order = 35
    formula = (
        "Answered requests of the range, of a week at least and of four at most, by the clock of the page's zone. An "
        "hour of the week needs twenty samples; the shade goes by the slowest."
    )

    def data(self, scope: Scope) -> Heatmap:
        if not scope.alone:
            return Heatmap((), "", scope.panel_address(self.name), percentile_tabs(scope))
        period = _weeks(scope)
        found = percentile_week("ttft", period, scope.period.zone, **timed(scope))
        return Heatmap(_rows(found, percentile_of(scope)), _sentence(found, period, scope), "", percentile_tabs(scope))

    def table(self, data: Heatmap, scope: Scope) -> Table | None:
        if not data.rows:
            return None
        columns = (Column("Day"), Column("Hour"), Column("Samples"), *_columns())
        cells = ((day, hour, cell.found) for day, hours in data.rows for hour, cell in enumerate(hours))
        return Table(columns, ((day, hour, one.n, *map(one.at, PERCENTILES)) for day, hour, one in cells))

    def requests(self, scope: Scope) -> str:
        return requests_within(scope, _weeks(scope), status="answered")


def _columns() -> list[Column]:
    return [Column(f"p{one}", "ms") for one in PERCENTILES]


def _weeks(scope: Scope) -> TimeRange:
    end = scope.period.end
    length = min(max(end - scope.period.start, SHORTEST), LONGEST)
    return TimeRange.around(end - length, end, scope.period.now)


def _rows(found: dict[tuple[int, int], Percentiles], percentile: int) -> tuple[tuple[str, tuple[Cell, ...]], ...]:
    if not found:
        return ()
    slowest = max((one.at(percentile) or 0.0 for one in found.values()), default=0.0)

    def cells(day: int) -> Iterator[Cell]:
        for hour in HOURS:
            yield _cell(
                f"{day_abbr[day]} {hour:02d}:00", found.get((day, hour), Percentiles(None)), percentile, slowest
            )

    return tuple((day_abbr[day], tuple(cells(day))) for day in range(7))


def _cell(when: str, one: Percentiles, percentile: int, slowest: float) -> Cell:
    found = one.at(percentile)
    if found is None:
        return Cell("·" if one.n else "", None, f"{when}: {one.n} of 20 samples", one)
    text = f"{found / A_SECOND_MS:.2f}" if found < TEN_SECONDS_MS else f"{found / A_SECOND_MS:.0f}"
    shade = min(int(found / slowest * SHADES), SHADES - 1)
    return Cell(text, shade, f"{when}: p{percentile} {duration(found)}, {counted(one.n, 'sample')}", one)


def _sentence(found: dict[tuple[int, int], Percentiles], period: TimeRange, scope: Scope) -> str:
    zone = scope.period.zone
    span = f"{period.start.astimezone(zone):%-d %b} to {period.end.astimezone(zone):%-d %b}, {scope.period.zone_name}"
    percentile = percentile_of(scope)
    known = {when: at for when, one in found.items() if (at := one.at(percentile)) is not None}
    if not known:
        return f"{span}: no hour of the week has twenty samples."
    (day, hour), slowest = max(known.items(), key=lambda item: item[1])
    where = f"slowest on {day_abbr[day]} at {hour:02d}:00, {duration(slowest)} at p{percentile}"
    return f"{span}: {where}. The cells are in seconds."
