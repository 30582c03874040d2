"""What is held of each budget at this moment, and for which requests?"""

from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from dashboard.burndown import amount, name_of
from dashboard.formatting import age
from dashboard.live import sight_of
from dashboard.outlooks import Outlook, outlooks_of
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from dashboard.tables import Column, Table
from routing.inflight import asking
from routing.inflight.asking import Holding
from routing.inflight.telling import Held, InFlight
from tenants.budgets import USD
from usage.ids import WIRE_PREFIX

MOST_HOLDS: Final = 200


class Hold(Struct, frozen=True):
    """One hold: of a budget, for an attempt of a request that runs."""

    held: Held
    flight: InFlight
    amount: str
    since: datetime
    age: str
    request: str  # as it is written
    address: str  # of the request on Live
    before: bool  # of the period before: that one pays for it


class OfBudget(Struct, frozen=True):
    """`held` is the ledger's word; `aside` what the listed requests have of it, `rest` what is left; None: the two
    words are not of one moment, or not all that is set aside is known."""

    outlook: Outlook
    name: str
    held: str
    aside: str
    rest: str | None
    holds: tuple[Hold, ...]


class OpenHolds(Struct, frozen=True):
    budgets: tuple[OfBudget, ...]  # that have something held
    holding: Holding
    hidden: int  # holds beyond `MOST_HOLDS`
    any: bool  # whether there are budgets at all


class OpenHoldsPanel(Panel):
    """The holds of running requests as the workers have them, beside what the ledger says is held."""

    name = "open_holds"
    title = "What is held now, and for which requests?"
    page = "budgets"
    order = 15
    help = "budgets#what-is-held"
    formula = (
        "Held is the ledger’s: what workers have leased and is not booked as spent. Listed is what the workers say "
        "when they are asked: the worst case of each attempt that runs, set aside since it began. The rest is what "
        "workers have in hand for requests to come, and what ended requests cost whose records are on their way into "
        "the database; which of the two, no worker says. Budgets that only alert hold nothing."
    )

    def data(self, scope: Scope) -> OpenHolds:
        found, holding = outlooks_of(scope), scope.ask(asking.holding, sight_of(scope))
        pairs = [(held, flight) for flight in holding.rows for held in flight.held][:MOST_HOLDS]
        known = len(pairs) == sum(len(flight.held) for flight in holding.rows) and holding.total == len(holding.rows)
        budgets = [_of_budget(one, pairs, scope, holding.whole and known) for one in found]
        shown = tuple(one for one in budgets if one.holds or one.outlook.state.reserved)
        hidden = sum(len(flight.held) for flight in holding.rows) - len(pairs) + holding.total - len(holding.rows)
        return OpenHolds(shown, holding, hidden, bool(found))

    def table(self, data: OpenHolds, scope: Scope) -> Table | None:
        rows = [_cells(one.outlook, hold) for one in data.budgets for hold in one.holds]
        if not rows:
            return None
        names = ("Tenant", "Budget", "Request", "Key", "Deployment", "State", "Since")
        amounts = (Column("Held", "USD"), Column("Held, tokens"))
        return Table((*(Column(name) for name in names), *amounts), rows)


def _of_budget(one: Outlook, pairs: list[tuple[Held, InFlight]], scope: Scope, whole: bool) -> OfBudget:
    holds = tuple(_hold(one, held, flight, scope) for held, flight in pairs if held.budget_id == one.state.id)
    aside = sum(hold.held.amount for hold in holds if not hold.before)
    rest = one.state.reserved - aside
    return OfBudget(
        outlook=one,
        name=name_of(one.state),
        held=amount(one.state, one.state.reserved),
        aside=amount(one.state, aside),
        rest=amount(one.state, rest) if whole and rest >= 0 else None,
        holds=holds,
    )


def _hold(one: Outlook, held: Held, flight: InFlight, scope: Scope) -> Hold:
    since = datetime.fromtimestamp(held.since_us / 1e6, UTC)
    request = f"{WIRE_PREFIX}{flight.id}"
    return Hold(
        held=held,
        flight=flight,
        amount=amount(one.state, held.amount),
        since=since.astimezone(scope.period.zone),
        age=age(max((scope.period.now - since).total_seconds(), 0) * 1000),
        request=request,
        address=f"{scope.link('live', tenant=flight.tenant)}#live-{request}",
        before=held.start != one.state.span.start,
    )


def _cells(one: Outlook, hold: Hold) -> tuple[Any, ...]:
    flight, held = hold.flight, hold.held
    named = (
        flight.tenant,
        name_of(one.state),
        hold.request,
        flight.key_prefix,
        held.deployment,
        flight.state,
        hold.since,
    )
    return (*named, held.amount, None) if one.state.unit == USD else (*named, None, held.amount)
