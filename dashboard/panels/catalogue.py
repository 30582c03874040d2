"""What can be called, for how much, and how does it do?"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from dashboard.groups import requests_of
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from dashboard.tables import Column, Table
from providers.selectors import CatalogueLine, catalogue
from routing.healthnow import health_now
from routing.resilience.report import HealthReport
from usage.selectors import Group, Percentiles, by, percentiles

COLUMNS: Final = (
    Column("Model"),
    Column("Provider"),
    Column("Enabled"),
    Column("Context, tokens"),
    Column("Longest answer, tokens"),
    Column("Capabilities"),
    Column("Input price, USD per million tokens"),
    Column("Output price, USD per million tokens"),
    Column("Quality prior"),
    Column("Requests served"),
    Column("First token p50", "ms"),
)


class Row(Struct, frozen=True):
    """`state` is a badge; empty: this process does not know."""

    line: CatalogueLine
    address: str
    state: str
    requests: int
    p50_ms: float | None
    cost_nano_usd: int | None


class Catalogue(Struct, frozen=True):
    rows: tuple[Row, ...]
    first: str  # addresses; empty where there is no such page
    next: str
    any: bool  # whether anything is offered at all, whatever the filters


class CataloguePanel(Panel):
    """One line per deployment, a page at a time."""

    name = "catalogue"
    title = "What can be called?"
    unit = "by model, then provider"
    page = "models"
    formula = (
        "Prices are those in effect now, per million tokens. Quality is the prior, from 0 to 1, that routing starts "
        "from. Requests, cost and the time to first token are of the range; a percentile needs 20 samples. Now: the "
        "circuit breakers as the workers see them at this moment."
    )

    def data(self, scope: Scope) -> Catalogue:
        cursor = scope.word("cursor")
        found = catalogue(scope.name("provider"), scope.name("model"), int(cursor) if _is_id(cursor) else None)
        rows = _rows(scope, found.lines)
        following = scope.here(cursor=str(found.after)) if found.after else ""
        return Catalogue(rows, scope.here() if cursor else "", following, bool(rows) or bool(catalogue(limit=1).lines))

    def table(self, data: Catalogue, scope: Scope) -> Table | None:
        return Table(COLUMNS, _all(scope)) if data.rows else None


def _is_id(word: str) -> bool:
    return word.isdecimal() and len(word) < 19


def _rows(scope: Scope, lines: list[CatalogueLine]) -> tuple[Row, ...]:
    served: dict[str, Group] = {
        str(one.value): one for one in scope.ask(by, "deployment", scope.period.span, scope.entities)
    }
    felt = scope.ask(percentiles, "ttft", scope.period.span, "deployment", tenant_id=scope.tenant_id)
    speed = {str(one.value): one for one in felt}
    health = scope.ask(health_now)
    return tuple(_row(scope, line, served, speed, health) for line in lines)


def _row(
    scope: Scope,
    line: CatalogueLine,
    served: dict[str, Group],
    speed: dict[str, Percentiles],
    health: HealthReport | None,
) -> Row:
    group = served.get(line.name)
    return Row(
        line=line,
        address=requests_of(scope, "deployment", line.name),
        state=_state(line, health),
        requests=group.totals.requests if group else 0,
        p50_ms=speed[line.name].p50 if line.name in speed else None,
        cost_nano_usd=group.totals.known_cost_nano_usd if group else 0,
    )


def _state(line: CatalogueLine, health: HealthReport | None) -> str:
    if not line.enabled:
        return "off"
    if health is None:
        return ""
    breaker = health.breakers.get(line.name)
    return breaker.state if breaker else "closed"


def _all(scope: Scope) -> Iterator[tuple[Any, ...]]:
    after: int | None = None
    while True:
        found = catalogue(scope.name("provider"), scope.name("model"), after, limit=500)
        yield from (_cells(row) for row in _rows(scope, found.lines))
        if (after := found.after) is None:
            return


def _cells(row: Row) -> tuple[str | float | Decimal | None, ...]:
    line = row.line
    offer = (line.context, line.max_output, " ".join(line.capabilities), line.input_price, line.output_price)
    return line.model, line.provider, str(line.enabled).lower(), *offer, line.quality, row.requests, row.p50_ms
