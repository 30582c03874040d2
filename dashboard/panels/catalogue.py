"""What can be called, for how much, and how does it do?"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from django.urls import reverse
from msgspec import Struct

from dashboard import modelverbs, providertests
from dashboard.discovering import RIGHT as LOOK
from dashboard.discovering import WHY_NOT as NO_LOOK
from dashboard.groups import requests_of
from dashboard.interventions import switch_of
from dashboard.latencies import untimed
from dashboard.panels.base import Panel, whatever
from dashboard.scope import Scope
from dashboard.sorting import Key, Sorting, sorting
from dashboard.standing import deployment_state
from dashboard.tables import Column, Table
from dashboard.verbs import Barred, Verb, barred, offered
from providers.cataloguelines import CatalogueLine, Listed, catalogue, catalogued, listed
from providers.residency import look_at
from routing.healthnow import health_now
from routing.resilience.report import HealthReport
from usage.selectors import Group, Percentiles, by, percentiles

NO_COMPARE: Final = (
    "Comparing takes the rights to change providers and deployments: the role operator has them, and an owner can "
    "give them."
)
USUAL: Final = "name"  # by model and provider, page by page through an index; other orders are made of the whole
SORTS: Final = ("name", "context", "price", "quality", "requests", "p50", "cost")
PER_PAGE: Final = 50
PER_READ: Final = 500
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
    """`state` and `loaded` are badges; empty: this process does not know, nobody was asked or the server is away."""

    line: CatalogueLine
    loaded: str
    verbs: tuple[Verb, ...]
    address: str
    state: str
    requests: int
    p50_ms: float | None
    cost_nano_usd: int | None


class Facts(Struct, frozen=True):
    """What the range says of deployments, by `provider/model`."""

    served: dict[str, Group]
    speed: dict[str, Percentiles]


class Catalogue(Struct, frozen=True):
    rows: tuple[Row, ...]
    order: Sorting
    first: str  # addresses; empty where there is no such page
    next: str
    any: bool  # whether anything is offered at all, whatever the filters
    rest: str  # where the local servers are asked what is loaded; empty: they were, or there are none
    barred: tuple[Barred, ...]
    discover: Verb


class CataloguePanel(Panel):
    """One line per deployment, a page at a time."""

    name = "catalogue"
    title = "What can be called?"
    unit = "deployments, by model and provider unless another heading is chosen"
    page = "models"
    formula = (
        "Prices are those in effect now, per million tokens. Quality is the prior, from 0 to 1, that routing starts "
        "from. Requests, cost and the time to first token are of the range; a percentile needs 20 samples. Now: the "
        "circuit breakers as the workers see them at this moment. Loaded: what local servers say, asked once the page "
        "stands. Differences: between what we keep of a provider's models and what it lists."
    )

    def data(self, scope: Scope) -> Catalogue:
        cursor, order = scope.word("cursor"), _order(scope)
        lines, after = _page(scope, order, int(cursor) if _is_id(cursor) else None, PER_PAGE)
        rows = _rows(scope, lines)
        return Catalogue(
            rows=rows,
            order=order,
            first=scope.here() if cursor else "",
            next="" if after is None else scope.here(cursor=str(after)),
            any=bool(rows) or bool(catalogue(limit=1).lines),
            rest="" if scope.alone or not any(line.local for line in lines) else scope.panel_address(self.name),
            barred=barred(verb for row in rows for verb in row.verbs),
            discover=offered("Look for upstreams", reverse("dashboard:discover"), "" if scope.may(LOOK) else NO_LOOK),
        )

    def table(self, data: Catalogue, scope: Scope) -> Table | None:
        if not data.rows:
            return None
        known = COLUMNS[:-1] if untimed(scope) else COLUMNS
        return Table(known, (cells[: len(known)] for cells in _all(scope)))

    def note(self, scope: Scope) -> str:
        return whatever(untimed(scope), "The time to the first token is counted")


def _is_id(word: str) -> bool:
    return word.isdecimal() and len(word) < 19


def _order(scope: Scope) -> Sorting:
    return sorting(scope, SORTS, USUAL)


def _page(scope: Scope, order: Sorting, after: int | None, limit: int) -> tuple[list[CatalogueLine], int | None]:
    """A page of lines, and what asks for the next: the id of the last, or its place in another order than the usual."""
    provider, model = scope.name("provider"), scope.name("model")
    if (order.by, order.down) == (USUAL, False):
        found = catalogue(provider, model, after, limit)
        return found.lines, found.after
    facts, begin = _facts(scope), after or 0
    found_all = scope.ask(listed, provider, model, order.by == "price")
    ranked = order.rows(found_all, lambda one, by: _key(one, by, facts))
    end = begin + limit
    return catalogued([one.id for one in ranked[begin:end]]), end if end < len(ranked) else None


def _key(one: Listed, by: str, facts: Facts) -> Key:
    """What a column is sorted by."""
    if by in ("requests", "cost"):
        group = facts.served.get(one.name)
        if group is None:
            return 0
        return group.totals.requests if by == "requests" else group.totals.known_cost_nano_usd
    if by == "p50":
        felt = facts.speed.get(one.name)
        return felt.p50 if felt else None
    if by == "price":
        return None if one.price is None else float(one.price)
    return f"{one.model} {one.provider}".casefold() if by == "name" else one.context if by == "context" else one.quality


def _facts(scope: Scope) -> Facts:
    served = scope.ask(by, "deployment", scope.period.span, scope.entities)
    felt = scope.ask(percentiles, "ttft", scope.period.span, "deployment", tenant_id=scope.tenant_id)
    return Facts({str(one.value): one for one in served}, {str(one.value): one for one in felt})


def _rows(scope: Scope, lines: list[CatalogueLine]) -> tuple[Row, ...]:
    facts, health = _facts(scope), scope.ask(health_now)
    loaded = _loaded(lines) if scope.alone else {}
    return tuple(_row(scope, line, facts, health, loaded.get(line.id, "")) for line in lines)


def _loaded(lines: list[CatalogueLine]) -> dict[int, str]:
    """The state in memory of each deployment of the local servers of these lines, by its id; they are asked now."""
    providers = {line.provider for line in lines if line.local}
    found: dict[int, str] = {}
    for seen in map(look_at, sorted(providers)):
        for model in seen.state.models if seen and seen.state else ():
            if seen and model.name in seen.ours:
                found[seen.ours[model.name].pk] = "pinned" if model.stays else model.state
    return found


def _row(
    scope: Scope,
    line: CatalogueLine,
    facts: Facts,
    health: HealthReport | None,
    loaded: str,
) -> Row:
    group, felt = facts.served.get(line.name), facts.speed.get(line.name)
    return Row(
        line=line,
        loaded=loaded,
        verbs=_verbs(line, scope),
        address=requests_of(scope, "deployment", line.name),
        state=_state(line, health),
        requests=group.totals.requests if group else 0,
        p50_ms=felt.p50 if felt else None,
        cost_nano_usd=group.totals.known_cost_nano_usd if group else 0,
    )


def _verbs(line: CatalogueLine, scope: Scope) -> tuple[Verb, ...]:
    may, compare = scope.may, "admin:providers_provider_compare_listed"
    compares = may("providers.change_provider") and may("providers.change_deployment")
    test, alias, price = (
        reverse(f"dashboard:deployment-{verb}", args=[line.id]) for verb in ("test", "alias", "price")
    )
    return (
        switch_of(scope, line.standing),
        offered("Test", test, "" if may(providertests.RIGHT) else providertests.WHY_NOT),
        offered("Alias", alias, "" if may(modelverbs.ALIAS) else modelverbs.NO_ALIAS),
        offered("Price", price, "" if may(modelverbs.PRICE) else modelverbs.NO_PRICE),
        offered("Differences", reverse(compare, args=[line.provider_id]), "" if compares else NO_COMPARE, leaves=True),
    )


def _state(line: CatalogueLine, health: HealthReport | None) -> str:
    if not line.standing.used:
        return "off"
    return deployment_state(line.name, health)


def _all(scope: Scope) -> Iterator[tuple[Any, ...]]:
    after, order = None, _order(scope)
    while True:
        lines, after = _page(scope, order, after, PER_READ)
        yield from (_cells(row) for row in _rows(scope, lines))
        if after is None:
            return


def _cells(row: Row) -> tuple[str | float | Decimal | None, ...]:
    line = row.line
    offer = (line.context, line.max_output, " ".join(line.capabilities), line.input_price, line.output_price)
    return line.model, line.provider, str(line.standing.used).lower(), *offer, line.quality, row.requests, row.p50_ms
