"""Which deployment was out, and when?"""

from msgspec import Struct

from dashboard.behind import requests_served, requests_within
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from dashboard.tables import Column, Table
from dashboard.timeline import HEALTHY, INSTANT, SIGNS, UNKNOWN, WORDS, Spell, Target, seen, slices, spells, targets_of
from usage.selectors import attempt_series
from usage.states import NO_DEPLOYMENT

MOST_ROWS = 10
NAMED = 3  # spells above the cells of a row


class Line(Struct, frozen=True):
    """A spell that was not healthy, as the table names it. Its ends are those of its cells: it lay between them."""

    spell: Spell
    word: str
    address: str
    begins: str
    ends: str


class Row(Struct, frozen=True):
    name: str
    targets: tuple[Target, ...]
    lines: tuple[Line, ...]
    known: bool  # somebody looked in every slice

    @property
    def first(self) -> tuple[Line, ...]:
        """Those that are named above the cells."""
        return self.lines[:NAMED]

    @property
    def more(self) -> int:
        return max(len(self.lines) - NAMED, 0)


class StateTimeline(Struct, frozen=True):
    rows: tuple[Row, ...]
    deployments: int
    legend: tuple[tuple[str, str, str], ...]  # state, sign, word
    watched: bool  # anybody looked at all


class StateTimelinePanel(Panel):
    """One row of sixty cells per deployment: the worst state that any worker saw in each slice of the range."""

    name = "state_timeline"
    title = "Which deployment was out, and when?"
    unit = "the worst state in each sixtieth of the range"
    page = "reliability"
    order = 15
    help = "health#seeing-it"
    formula = (
        "Every worker looks at its circuit breakers and credentials once a second and keeps, by the minute, what was "
        "not healthy; a cell shows the worst that any worker saw in its minutes. Times are those at which cells begin "
        "and end, and the state lasted as many minutes between them as are told. Circuit open: not called after "
        "failures, or by hand. Half-open: the next request is its probe. Cooling down: each of its credentials was "
        "refused or rate limited. Not known: no worker looked, so nothing is claimed. Sample traffic has what was seen "
        "as each of its requests was routed. A pair of cells leads to the requests that the deployment served then."
    )

    def requests(self, scope: Scope) -> str:
        return requests_served(scope)

    def data(self, scope: Scope) -> StateTimeline:
        found = seen(scope)
        called = scope.ask(attempt_series, scope.period.buckets, scope.tenant_id)
        tries = {name: sum(part.attempts for part in parts) for name, parts in called.items()}
        names = {name for name in {*tries, *found} if name != NO_DEPLOYMENT and scope.fits(name)}
        troubled = {name: sum(sum(cell.values()) for cell in found.get(name, ())) for name in names}
        ranked = sorted(names, key=lambda name: (-troubled[name], -tries.get(name, 0), name))
        rows = tuple(_row(scope, name, found) for name in ranked[:MOST_ROWS])
        legend = tuple((state, SIGNS[state], word) for state, word in WORDS.items())
        return StateTimeline(rows, len(ranked), legend, NO_DEPLOYMENT in found)

    def table(self, data: StateTimeline, scope: Scope) -> Table | None:
        columns = tuple(map(Column, ("Deployment", "State", "Minutes in it", "Not before", "Not after")))
        rows = [
            (row.name, line.word, line.spell.minutes, line.spell.period.start, line.spell.period.end)
            for row in data.rows
            for line in row.lines
        ]
        return Table(columns, rows) if data.rows else None


def _row(scope: Scope, name: str, found: dict[str, list[dict[str, int]]]) -> Row:
    told = spells(name, found, slices(scope.period))
    lines = tuple(_line(scope, name, spell) for spell in told if spell.state not in (HEALTHY, UNKNOWN))
    return Row(name, targets_of(scope, name, found), lines, all(spell.state != UNKNOWN for spell in told))


def _line(scope: Scope, name: str, spell: Spell) -> Line:
    bounds = (spell.period.start, spell.period.end)
    begins, ends = (when.astimezone(scope.period.zone).strftime(INSTANT) for when in bounds)
    return Line(spell, WORDS[spell.state], requests_within(scope, spell.period, deployment=name), begins, ends)
