"""How is cost over time drawn? Stacked by a group, the six dearest in colour, the rest as "Other"."""

from msgspec import Struct

from dashboard.behind import bucket_links
from dashboard.charts import Chart, Series, coloured
from dashboard.colours import COLOURS, colours_of
from dashboard.formatting import change, money
from dashboard.groups import By, labels, words_of
from dashboard.scope import Scope
from usage.selectors import Totals, series, series_by


class CostChart(Struct, frozen=True):
    """The chart (None without requests), and how many of the groups it names."""

    chart: Chart | None
    shown: int = 0
    groups: int = 0

    @property
    def hidden(self) -> int:
        return self.groups - self.shown


def cost_chart(name: str, scope: Scope, by: By, before: bool = False) -> CostChart:
    """Cost per bucket; with `before`, the total of the period before as a dotted line."""
    period = scope.period
    found = scope.ask(series_by, by, period.buckets, scope.entities)
    if not found:
        return CostChart(None)
    named = labels(scope, by, list(found))
    ranked = sorted(found, key=lambda value: (-_sum(found[value]), str(value)))
    colours = colours_of(named[value] for value in ranked)  # of all, so that a table beside it has the same
    ranked = [value for value in ranked if _sum(found[value])] or ranked[:1]
    layers = {named[value]: _costs(found[value]) for value in ranked[:COLOURS]}
    if len(ranked) > COLOURS:
        rest = zip(*(_costs(found[value]) for value in ranked[COLOURS:]), strict=True)
        layers["Other"] = tuple(sum(column) for column in rest)
    behind = {named[value]: bucket_links(scope, **words_of(scope, by, value)) for value in ranked[:COLOURS]}
    drawn: tuple[Series, ...] = coloured(layers, "bar", colours, behind)
    total = sum(_sum(parts) for parts in found.values())
    sentence = f"{money(total)} in all, most of it at {named[ranked[0]]}: {money(_sum(found[ranked[0]]))}"
    if before:
        earlier = scope.ask(series, period.buckets_before, scope.entities)
        drawn += (Series("the period before, in all", _costs(earlier), kind="line", dashed=True),)
        sentence += f"; {change(total, _sum(earlier))} against the period before"
    chart = Chart(name, "usd", period.labels, drawn, f"{sentence}.", partial=period.partial)
    return CostChart(chart, min(len(ranked), COLOURS), len(ranked))


def _costs(parts: list[Totals]) -> tuple[int, ...]:
    return tuple(part.cost_nano_usd for part in parts)


def _sum(parts: list[Totals]) -> int:
    return sum(part.cost_nano_usd for part in parts)
