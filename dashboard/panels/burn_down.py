"""How fast does each budget burn?"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from dashboard.behind import requests_of_budget
from dashboard.burndown import burn_down, drawable, limit_of, part_of, said
from dashboard.charts import Chart
from dashboard.outlooks import Outlook, outlooks_of
from dashboard.panels.base import Panel
from dashboard.ranges import CUSTOM
from dashboard.scope import Scope, instant
from dashboard.tables import Column, Table
from tenants.budgets import USD

MOST_CHARTS = 8
LINES: Final = ("Spent", "Limit", "At least", "Forecast", "At most")  # of a chart, in the order of its file


class Burning(Struct, frozen=True):
    name: str
    about: str
    level: str  # a badge
    window: str
    words: str
    charted: Chart | None
    outlook: Outlook
    requests: str  # the address of those that it counts


class BurnDown(Struct, frozen=True):
    budgets: tuple[Burning, ...]
    hidden: int


class BurnDownPanel(Panel):
    """Spent so far, the limit and the forecast of the budgets that run out soonest."""

    name = "burn_down"
    title = "How fast do they burn?"
    unit = "US dollars or tokens, as each budget counts"
    page = "budgets"
    order = 20
    help = "budgets#what-is-charged"
    formula = (
        "Spent is the sum of the requests' records up to each instant, set to end at what the ledger says now. "
        "The forecast is that of the table above; the band is its interval, drawn up to one and a half times the limit."
    )

    def data(self, scope: Scope) -> BurnDown:
        found = outlooks_of(scope)
        return BurnDown(tuple(_burning(one, scope) for one in found[:MOST_CHARTS]), len(found[MOST_CHARTS:]))

    def table(self, data: BurnDown, scope: Scope) -> Table | None:
        drawn = [one for one in data.budgets if one.charted]
        columns = [Column(name) for name in ("Tenant", "Key", "Tag", "Period", "Until")]
        columns += [Column(name, "USD") for name in LINES] + [Column(f"{name}, tokens") for name in LINES]
        return Table(tuple(columns), (row for one in drawn for row in _rows(one))) if drawn else None

    def requests(self, scope: Scope) -> str:
        """Those of one budget; of several, all since the first of their windows began."""
        found = outlooks_of(scope)[:MOST_CHARTS]
        if len(found) < 2:
            return requests_of_budget(scope, found[0]) if found else ""
        return scope.link("requests", **{"range": CUSTOM, "from": instant(min(one.starts for one in found)), "to": ""})


def _rows(one: Burning) -> Iterator[tuple[Any, ...]]:
    """What its chart draws, an instant a row, the oldest first."""
    assert one.charted is not None
    state, nothing = one.outlook.state, (None,) * len(LINES)
    drawn = {series.label: series.values for series in one.charted.series}
    instants: list[datetime] = [*(when for when, _ in one.outlook.course), *drawable(one.outlook)]
    for place, when in enumerate(instants):
        values = tuple(drawn[line][place] if line in drawn else None for line in LINES)
        by_unit = (*values, *nothing) if state.unit == USD else (*nothing, *values)
        yield (state.tenant, state.key, state.tag, state.period, when, *by_unit)


def _burning(one: Outlook, scope: Scope) -> Burning:
    state = one.state
    window = f"since {one.starts:%-d %b %H:%M}"
    if one.resets:
        window += f", resets {one.resets:%-d %b %H:%M}"
    return Burning(
        name=state.tenant + part_of(state),
        about=limit_of(state),
        level=one.level,
        window=f"{window} ({state.zone})",
        words=said(one),
        charted=burn_down(one),
        outlook=one,
        requests=requests_of_budget(scope, one),
    )
