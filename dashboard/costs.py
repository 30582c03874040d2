"""How is cost over time drawn? Stacked by a group, the six dearest in colour, the rest as "Other"."""

from collections.abc import Sequence

from msgspec import Struct

from dashboard.accepted import By
from dashboard.behind import bucket_links
from dashboard.charts import Chart, Series, coloured
from dashboard.colours import COLOURS, colours_of
from dashboard.formatting import change, money
from dashboard.groups import labels, words_of
from dashboard.scope import Scope
from usage.selectors import Spend, Value, series, spent_by, spent_by_few_tags, spent_series_by, totals

Costs = tuple[int, ...]  # nano-dollars, bucket by bucket


class CostChart(Struct, frozen=True):
    """The chart (None without requests), and how many of the groups it names."""

    chart: Chart | None
    shown: int = 0
    groups: int = 0

    @property
    def hidden(self) -> int:
        return self.groups - self.shown


def cost_chart(name: str, scope: Scope, by: By, before: bool = False, only: frozenset[int] | None = None) -> CostChart:
    """Cost per bucket; with `before`, the total of the period before as a dotted line. `only`: these values alone."""
    period = scope.period
    found = _found(scope, by, only)
    if not found:
        return CostChart(None)
    named = labels(scope, by, list(found))
    ranked = sorted(found, key=lambda value: (-found[value], str(value)))
    colours = colours_of(
        (named[value] for value in ranked), scope.board.colours
    )  # of all, so that a table beside it has the same
    ranked = [value for value in ranked if found[value]] or ranked[:1]
    # Of tags the sum is not that of all: a request has several.
    layers = _layers(scope, by, named, ranked, only)
    behind = {named[value]: bucket_links(scope, **words_of(scope, by, value)) for value in ranked[:COLOURS]}
    drawn: tuple[Series, ...] = coloured(layers, "bar", colours, behind)
    shared = by == "tag"
    total = scope.ask(totals, period.span, scope.entities).cost_nano_usd if shared else sum(found.values())
    sentence = f"{money(total)} in all"
    if total:
        sentence += f", most of it at {named[ranked[0]]}: {money(found[ranked[0]])}"
    if before:
        earlier = scope.ask(series, period.buckets_before, scope.entities)
        drawn += (Series("previous period, in all", _costs(earlier), kind="line", dashed=True),)
        sentence += f"; {change(total, sum(_costs(earlier)))} vs previous period"
    chart = Chart(name, "usd", period.labels, drawn, f"{sentence}.", partial=period.partial)
    return CostChart(chart, min(len(ranked), COLOURS), len(ranked))


def _found(scope: Scope, by: By, only: frozenset[int] | None) -> dict[Value, int]:
    """What each cost, in nano USD. A few values are read by themselves: a big installation has thousands of keys."""
    if only is None:
        found = scope.ask(spent_by, by, scope.period.span, scope.entities)
        return {value: sums.cost_nano_usd for value, sums in found.items()}
    return {value: sum(_costs(parts)) for value, parts in _parts(scope, by, only).items() if _used(parts)}


def _parts(scope: Scope, by: By, only: frozenset[int]) -> dict[Value, list[Spend]]:
    values = tuple(sorted(only))
    return scope.ask(spent_series_by, by, scope.period.buckets, scope.entities, values) if values else {}


def _used(parts: list[Spend]) -> bool:
    return any(part.requests for part in parts)


def _layers(
    scope: Scope, by: By, named: dict[Value, str], ranked: list[Value], only: frozenset[int] | None
) -> dict[str, tuple[int, ...]]:
    """What each of the dearest cost per bucket, and what all others did: of a thousand keys, only six are read by
    themselves."""
    dearest, more = tuple(ranked[:COLOURS]), len(ranked) > COLOURS
    costs, others = _of_all(scope, by, dearest, more) if only is None else _of_some(scope, by, ranked, only)
    layers = {named[value]: costs[value] for value in dearest}
    return layers | {"Other": others} if more else layers


def _of_all(scope: Scope, by: By, dearest: tuple[Value, ...], more: bool) -> tuple[dict[Value | None, Costs], Costs]:
    """What each of these cost per bucket, and all others together: what is left of the sum of all, but for tags."""
    buckets = scope.period.buckets
    if by == "tag":
        found = scope.ask(spent_by_few_tags, buckets, scope.entities, dearest)
        return {value: _costs(parts) for value, parts in found.items()}, _costs(found[None])
    apart = scope.ask(spent_series_by, by, buckets, scope.entities, dearest)
    costs: dict[Value | None, Costs] = {value: _costs(parts) for value, parts in apart.items()}
    if not more:
        return costs, ()
    whole = _costs(scope.ask(series, buckets, scope.entities))
    return costs, tuple(cost - sum(named) for cost, *named in zip(whole, *costs.values(), strict=True))


def _of_some(
    scope: Scope, by: By, ranked: list[Value], only: frozenset[int]
) -> tuple[dict[Value | None, Costs], Costs]:
    """The same where few values are asked for: all of them are read."""
    parts = _parts(scope, by, only)
    costs: dict[Value | None, Costs] = {value: _costs(parts[value]) for value in ranked}
    return costs, tuple(map(sum, zip(*(costs[value] for value in ranked[COLOURS:]), strict=True)))


def _costs(parts: Sequence[Spend]) -> Costs:
    return tuple(part.cost_nano_usd for part in parts)
