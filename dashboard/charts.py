"""What does a chart show? Labels, series, units and texts are decided here; the browser only draws."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, to_builtins

from dashboard.colours import OTHER
from dashboard.formatting import UNITS

# Values of "s" and "ms" are milliseconds; the unit is the one that they are written in, whatever their size.
Unit = Literal["usd", "requests", "rate", "tokens", "s", "ms", "share", "bytes"]


class Series(Struct, frozen=True):
    """One line or one layer of bars. A None is a gap."""

    label: str
    values: tuple[float | None, ...]
    colour: int | str = OTHER  # 0..5 of the palette, 6 grey, or a state: ok, warn, bad
    kind: Literal["bar", "line", "area"] = "bar"  # bars and areas of a chart stand on each other
    dashed: bool = False
    band: bool = False  # filled down to the series before it
    dots: bool = False  # points that no line joins
    points: Literal["", "up", "down"] = ""  # of the triangles that stand for its dots
    says: tuple[str, ...] = ()  # per value, what is written for it; empty: the value with its unit
    code: str = ""  # what an API calls it, where that is another name
    addresses: tuple[str, ...] = ()  # per value, the list of the requests behind it; empty: there is none


class Cell(Struct, frozen=True):
    """One value of the table as text, and the address of the requests behind it."""

    text: str
    address: str


class Chart(Struct, frozen=True):
    """A chart with its sentence for those who do not see it, and the same numbers as a table."""

    name: str
    unit: Unit
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    sentence: str
    stacked: bool = True
    marks: int | None = None  # labels on the axis of time; None: as many as fit
    partial: tuple[int, ...] = ()  # buckets that the range cuts, and the running one

    @property
    def element(self) -> str:
        """The id of the data block in the page."""
        return f"chart-{self.name}"

    @property
    def payload(self) -> dict[str, object]:
        """What the script draws, texts of the tooltips included."""
        drawn = [to_builtins(series) for series in self.series]
        for series in drawn:
            del (
                series["addresses"],
                series["says"],
                series["code"],
            )  # the script has them from the table, and from the texts
        return to_builtins(self) | {"series": drawn, "texts": [self._texts(s) for s in self.series]}

    @property
    def rows(self) -> list[tuple[str, list[Cell]]]:
        """Label and one cell per series, newest first."""
        columns = [self._cells(series) for series in self.series]
        table = [(label, [cells[i] for cells in columns]) for i, label in enumerate(self.labels)]
        return table[::-1]

    def _cells(self, series: Series) -> list[Cell]:
        addresses = series.addresses or ("",) * len(series.values)
        linked = zip(self._texts(series), series.values, addresses, strict=True)
        return [Cell(text, address if value else "") for text, value, address in linked]

    def _texts(self, series: Series) -> list[str]:
        write = UNITS[self.unit]
        return list(series.says) or [write(value) for value in series.values]


def coloured(
    values_by_name: Mapping[str, tuple[float | None, ...]],
    kind: Literal["bar", "line", "area"],
    colours: Mapping[str, int],
    addresses: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[Series, ...]:
    """One series per entity in its colour of `colours`; a name without one is grey."""
    behind = addresses or {}
    return tuple(
        Series(n, values, colours.get(n, OTHER), kind, addresses=behind.get(n, ()))
        for n, values in values_by_name.items()
    )
