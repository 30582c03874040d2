"""Who spends how much, and how did that change?"""

from msgspec import Struct

from dashboard.colours import OTHER, colours_of
from dashboard.formatting import change, money, share_of
from dashboard.groups import By, chosen, labels, requests_of, words_of
from dashboard.panels.base import Panel
from dashboard.panels.cost_over_time import GROUPS
from dashboard.panels.tiles import total
from dashboard.scope import Scope
from dashboard.tables import Column, Table
from usage.selectors import Group, Totals, by

MOST_ROWS = 50


class Row(Struct, frozen=True):
    name: str
    address: str
    unpriced: str  # the address of those without a price
    colour: int
    sums: Totals
    cost_nano_usd: int | None
    share: float | None
    change: str
    before_text: str
    per_thousand: int | None


class CostGroups(Struct, frozen=True):
    group: str
    rows: tuple[Row, ...]
    groups: int
    total: Totals
    total_cost: int | None

    @property
    def more(self) -> bool:
        return self.groups > len(self.rows)


class CostGroupsPanel(Panel):
    """One line per value of the group, the dearest first, with the sum of all."""

    name = "cost_groups"
    title = "What costs how much?"
    page = "cost"
    order = 20
    counts = {}

    def data(self, scope: Scope) -> CostGroups:
        group = chosen(scope, GROUPS)
        found = sorted(scope.ask(by, group, scope.period.span, scope.entities), key=_dearest)
        before = {one.value: one.totals for one in by(group, scope.period.before, scope.entities)}
        sums = total([one.totals for one in found]) if found else Totals()
        named = labels(scope, group, [one.value for one in found])
        colours = colours_of(named[one.value] for one in found)
        rows = tuple(
            _row(scope, group, one, named[one.value], colours, sums, before.get(one.value, Totals()))
            for one in found[:MOST_ROWS]
        )
        return CostGroups(group, rows, len(found), sums, sums.known_cost_nano_usd)

    def table(self, data: CostGroups, scope: Scope) -> Table:
        columns = (
            Column(data.group.capitalize()),
            Column("Requests"),
            Column("Tokens in"),
            Column("Tokens out"),
            Column("Cost", "USD"),
            Column("Share of cost", "share"),
            Column("Per 1,000 requests", "USD"),
            Column("Requests without a price"),
        )
        return Table(columns, (_cells(row) for row in data.rows))


def _cells(row: Row) -> tuple[str | float | None, ...]:
    sums = row.sums
    used = (sums.requests, sums.prompt_tokens, sums.completion_tokens)
    return row.name, *used, row.cost_nano_usd, row.share, row.per_thousand, sums.unpriced


def _dearest(one: Group) -> tuple[int, str]:
    return -one.totals.cost_nano_usd, str(one.value)


def _row(scope: Scope, group: By, one: Group, name: str, colours: dict[str, int], whole: Totals, before: Totals) -> Row:
    sums, cost = one.totals, one.totals.known_cost_nano_usd
    return Row(
        name=name,
        address=requests_of(scope, group, one.value),
        unpriced=scope.link("requests", **words_of(scope, group, one.value), status="unpriced"),
        colour=colours.get(name, OTHER),
        sums=sums,
        cost_nano_usd=cost,
        share=share_of(cost, whole.cost_nano_usd),
        change=change(cost, before.known_cost_nano_usd),
        before_text=money(before.known_cost_nano_usd if before.requests else None),
        per_thousand=round(sums.cost_nano_usd * 1000 / sums.priced) if sums.priced else None,
    )
