"""What does a panel say in rows and columns? The result that it draws, exact, for a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, Final, Literal

from msgspec import Struct

from dashboard.charts import Chart
from dashboard.formatting import NANO
from dashboard.ranges import Period

MOST_ROWS: Final = 100_000
COMMANDS: Final = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet runs a text that begins so

ColumnUnit = Literal["", "USD", "ms", "tokens/s", "share", "bytes"]


class Column(Struct, frozen=True):
    """A heading and the unit of its values: USD come as nano-dollars, times as `datetime`; None is unknown."""

    label: str
    unit: ColumnUnit = ""


class Table(Struct, frozen=True):
    """Rows are as long as `columns`. They may be made while they are read."""

    columns: tuple[Column, ...]
    rows: Iterable[tuple[Any, ...]]


CHART_UNITS: Final[dict[str, ColumnUnit]] = {"usd": "USD", "s": "ms", "ms": "ms", "share": "share", "bytes": "bytes"}


def chart_table(chart: Chart, period: Period) -> Table:
    """One row per bucket, the oldest first."""
    unit = CHART_UNITS.get(chart.unit, "")
    starts = [bucket.start for bucket in period.buckets]
    values = zip(*(series.says or series.values for series in chart.series), strict=True)
    columns = (
        Column("From"),
        *(Column(series.code or series.label, "" if series.says else unit) for series in chart.series),
    )
    return Table(columns, [(start, *row) for start, row in zip(starts, values, strict=True)])


def csv_lines(table: Table, zone: tzinfo, comments: Iterable[str] = ()) -> Iterator[str]:
    """The lines of an RFC 4180 file, `comments` first; times with their offset, unknown values empty."""
    for comment in comments:
        yield f"# {comment}\r\n"
    yield _line([f"{one.label}, {one.unit}" if one.unit else one.label for one in table.columns])
    for number, row in enumerate(table.rows):
        if number == MOST_ROWS:
            yield f"# {MOST_ROWS} rows are the most that one file has: choose a shorter range\r\n"
            return
        yield _line([_cell(value, column, zone) for value, column in zip(row, table.columns, strict=True)])


def _line(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _cell(value: Any, column: Column, zone: tzinfo) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat()
    if column.unit == "USD":
        return f"{Decimal(value) / NANO:f}"
    if isinstance(value, Decimal):  # as the database keeps it, which may be with a tail of zeros
        return f"{value.normalize():f}"
    if isinstance(value, float):
        return f"{value:.6g}" if column.unit == "share" else f"{value:.3f}"
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(COMMANDS) else text
