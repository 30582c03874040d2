"""Whose cost moved most against the period before?"""

from msgspec import Struct

from dashboard.accepted import By
from dashboard.colours import OTHER, colours_of
from dashboard.formatting import change, share_of
from dashboard.groups import labels, requests_of
from dashboard.panels.base import Panel
from dashboard.panels.cost_groups import costs_before, spenders
from dashboard.panels.cost_over_time import group_of, groups_of
from dashboard.scope import Scope
from dashboard.tables import Column, Table
from usage.selectors import Spend, spent_by

MOST_ROWS = 10


class Mover(Struct, frozen=True):
    """Amounts in nano-dollars; `share` is of all that moved, up and down together."""

    name: str
    address: str
    colour: int
    now: int
    before: int
    share: float | None

    @property
    def moved(self) -> int:
        return self.now - self.before

    @property
    def change(self) -> str:
        return change(self.now, self.before)

    @property
    def word(self) -> str:
        """What happened, for those who see no sign."""
        if not self.before:
            return "new"
        return "gone" if not self.now else "up" if self.moved > 0 else "down"


class CostMovers(Struct, frozen=True):
    group: str
    rows: tuple[Mover, ...]
    moved: int  # how many moved at all
    compare: str  # the address that compares; empty: it does
    any: bool  # whether anything was asked for, now or before


class CostMoversPanel(Panel):
    """The values of the group by how many dollars they moved, those that spend nothing any more among them."""

    name = "cost_movers"
    title = "What moved most?"
    unit = "US dollars, vs previous period"
    page = "cost"
    order = 15
    formula = (
        "Cost in the range less cost in the period of the same length before it; both of what has a price. The share "
        "is of all that moved, up or down."
    )
    counts = {}

    def groups(self, scope: Scope) -> tuple[By, ...]:
        return groups_of(scope)

    def data(self, scope: Scope) -> CostMovers:
        group, before = group_of(scope), costs_before(scope, group_of(scope))
        if before is None:
            return CostMovers(group, (), 0, scope.here(compare=""), any=True)
        now = scope.ask(spent_by, group, scope.period.span, scope.entities)
        costs = {
            value: (now.get(value, Spend()).cost_nano_usd, before.get(value, Spend()).cost_nano_usd)
            for value in now.keys() | before.keys()
        }
        moved = [value for value, (cost, earlier) in costs.items() if cost != earlier]
        moved.sort(key=lambda value: (-abs(costs[value][0] - costs[value][1]), str(value)))
        whole = sum(abs(costs[value][0] - costs[value][1]) for value in moved)
        named = {one.value: one.name for one in spenders(scope, group)}  # the dearest first, as the table beside it
        named |= labels(scope, group, [value for value in moved[:MOST_ROWS] if value not in named])
        colours = colours_of(named.values(), scope.board.colours)
        rows = tuple(
            Mover(
                name=named[value],
                address=requests_of(scope, group, value),
                colour=colours.get(named[value], OTHER),
                now=costs[value][0],
                before=costs[value][1],
                share=share_of(abs(costs[value][0] - costs[value][1]), whole),
            )
            for value in moved[:MOST_ROWS]
        )
        return CostMovers(group, rows, len(moved), "", any=bool(costs))

    def table(self, data: CostMovers, scope: Scope) -> Table | None:
        columns = (
            Column(data.group.capitalize()),
            Column("Cost", "USD"),
            Column("Before", "USD"),
            Column("Moved", "USD"),
            Column("Share of what moved", "share"),
        )
        rows = ((one.name, one.now, one.before, one.moved, one.share) for one in data.rows)
        return Table(columns, rows) if data.rows else None
