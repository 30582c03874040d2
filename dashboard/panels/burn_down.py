"""How fast does each budget burn?"""

from msgspec import Struct

from dashboard.burndown import amount, burn_down, said
from dashboard.charts import Chart
from dashboard.outlooks import Outlook, outlooks_of
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from tenants.periods import Period

MOST_CHARTS = 8


class Burning(Struct, frozen=True):
    name: str
    about: str
    level: str  # a badge
    window: str
    words: str
    charted: Chart | None


class BurnDown(Struct, frozen=True):
    budgets: tuple[Burning, ...]
    hidden: int


class BurnDownPanel(Panel):
    """Spent so far, the limit and the forecast of the budgets that run out soonest."""

    name = "burn_down"
    title = "How fast do they burn?"
    page = "budgets"
    order = 20
    help = "budgets#what-is-charged"
    formula = (
        "Spent is the sum of the requests' records up to each instant, set to end at what the ledger says now. "
        "The forecast is that of the table above; the band is its interval, drawn up to one and a half times the limit."
    )

    def data(self, scope: Scope) -> BurnDown:
        found = outlooks_of(scope)
        return BurnDown(tuple(_burning(one) for one in found[:MOST_CHARTS]), len(found[MOST_CHARTS:]))


def _burning(one: Outlook) -> Burning:
    state = one.state
    part = "".join((f", key {state.key}" if state.key else "", f", tag {state.tag}" if state.tag else ""))
    window = f"since {one.starts:%-d %b %H:%M}"
    if one.resets:
        window += f", resets {one.resets:%-d %b %H:%M}"
    about = f"{amount(one, state.limit)} {Period(state.period).phrase}"
    return Burning(state.tenant + part, about, one.level, f"{window} ({state.zone})", said(one), burn_down(one))
