"""What does a chart show? Labels, series, units and texts are decided here; the browser only draws."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, to_builtins

from dashboard.colours import OTHER, colours_of
from dashboard.formatting import UNITS

Unit = Literal["usd", "requests", "tokens", "ms", "share", "bytes"]


class Series(Struct, frozen=True):
    """One line or one layer of bars. A None is a gap."""

    label: str
    values: tuple[float | None, ...]
    colour: int | str = OTHER  # 0..5 of the palette, 6 grey, or a state: ok, warn, bad
    kind: Literal["bar", "line"] = "bar"
    dashed: bool = False
    band: bool = False  # filled down to the series before it


class Chart(Struct, frozen=True):
    """A chart with its sentence for those who do not see it, and the same numbers as a table."""

    name: str
    unit: Unit
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    sentence: str
    stacked: bool = True
    partial: tuple[int, ...] = ()  # buckets that the range cuts, the running one among them

    @property
    def element(self) -> str:
        """The id of the data block in the page."""
        return f"chart-{self.name}"

    @property
    def payload(self) -> dict[str, object]:
        """What the script draws, texts of the tooltips included."""
        return to_builtins(self) | {"texts": [self._texts(s) for s in self.series]}

    @property
    def rows(self) -> list[tuple[str, list[str]]]:
        """Label and one text per series, newest first."""
        columns = [self._texts(series) for series in self.series]
        table = [(label, [texts[i] for texts in columns]) for i, label in enumerate(self.labels)]
        return table[::-1]

    def _texts(self, series: Series) -> list[str]:
        write = UNITS[self.unit]
        return [write(value) for value in series.values]


def coloured(
    values_by_name: Mapping[str, tuple[float | None, ...]],
    kind: Literal["bar", "line"],
    colours: Mapping[str, int] | None = None,
) -> tuple[Series, ...]:
    """One series per entity in the entity's own colour (or those given); a name without one is grey."""
    colours = colours_of(values_by_name) if colours is None else colours
    return tuple(Series(n, values, colours.get(n, OTHER), kind) for n, values in values_by_name.items())
