"""Which budget will not hold?"""

from datetime import UTC, datetime
from typing import Any, Final

from django.urls import reverse
from msgspec import Struct

from dashboard import budgetverbs
from dashboard.behind import requests_of_budget
from dashboard.burndown import amount, limit_of, said
from dashboard.fills import fill_of_used
from dashboard.outlooks import Outlook, outlooks_of
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from dashboard.sorting import Key, Sorting, sorting
from dashboard.tables import Column, Table
from dashboard.verbs import Barred, Verb, barred, offered
from tenants.alerting import last_deliveries, receivers_of
from tenants.budgets import USD
from tenants.models import AlertDelivery
from usage.selectors import TimeRange, Totals, totals

MOST_ROWS = 200
SORTS: Final = ("name", "resets", "spent", "held", "out")
SOONEST: Final = "out"  # the usual order: what runs out soonest


class Row(Struct, frozen=True):
    outlook: Outlook
    whose: str
    part: str  # which key or tag; empty: all
    limit: str
    spent: str
    held: str
    left: str
    share: float | None  # of the limit, spent
    fill: str
    words: str
    requests: str
    told: str  # what became of the last alert
    receivers: int
    settings: str  # the page of the admin; empty: this person may not open it
    verbs: tuple[Verb, ...]


class Budgets(Struct, frozen=True):
    rows: tuple[Row, ...]
    order: Sorting
    budgets: int
    month: Totals | None  # what was spent this month, where there is no budget
    add: str
    barred: tuple[Barred, ...]


class BudgetsPanel(Panel):
    """Every budget, the one that runs out soonest first."""

    name = "budgets"
    title = "Will each budget hold?"
    page = "budgets"
    order = 10
    help = "budgets#what-is-charged"
    formula = (
        "Spent and held are the ledger's, to the nano-dollar; left is the limit less both. The forecast takes what was "
        "spent in each of the last 14 days (of the last 24 hours, for a budget per day), from the first whole one "
        "on: m is their mean, s their standard deviation, n their number. The next t days are expected to cost "
        "m·t, and cost m·t ± 1.28·s·√(t + t²/n) eight times in ten, if the days to come are like those that were. It "
        "runs out where that reaches the limit less what is spent; what is held is mostly given back, and is not "
        "taken off. Fewer than 3 whole days (or hours) tell nothing."
    )

    def data(self, scope: Scope) -> Budgets:
        order, places = sorting(scope, SORTS, SOONEST), list(enumerate(outlooks_of(scope)))
        found = [one for _, one in order.rows(places, lambda placed, by: _key(*placed, by))]
        month = None if found else scope.ask(totals, _this_month(scope.period.now), scope.entities)
        add = reverse("dashboard:budget-new") if scope.may(budgetverbs.ADD) else ""
        ids = [one.state.id for one in found[:MOST_ROWS]]
        shown = [one.state for one in found[:MOST_ROWS]]
        receivers, last = (receivers_of(shown), last_deliveries(ids)) if ids else ({}, {})
        rows = [_row(o, scope, len(receivers.get(o.state.id, ())), last.get(o.state.id)) for o in found[:MOST_ROWS]]
        return Budgets(tuple(rows), order, len(found), month, add, barred(verb for row in rows for verb in row.verbs))

    def table(self, data: Budgets, scope: Scope) -> Table | None:
        if not data.rows:
            return None
        money = ("Limit", "Spent", "Held", "Left")
        columns = [Column(name) for name in ("Tenant", "Key", "Tag", "Period", "Begins", "Resets")]
        columns += [Column(name, "USD") for name in money] + [Column(f"{name}, tokens") for name in money]
        columns += [Column("Runs out"), Column("Earliest"), Column("Latest"), Column("Forecast")]
        return Table(tuple(columns), (_cells(row) for row in data.rows))


def _key(place: int, one: Outlook, by: str) -> Key:
    """What a column is sorted by: amounts, which are dollars or tokens, by their share of the limit."""
    state = one.state
    keys: dict[str, Key] = {
        SOONEST: place,
        "name": f"{state.tenant} {state.key or ''} {state.tag or ''}".casefold(),
        "resets": one.resets.timestamp() if one.resets else None,
        "spent": state.used_percent,
        "held": state.reserved / state.limit if state.limit else None,
    }
    return keys[by]


def _cells(row: Row) -> tuple[Any, ...]:
    one, state = row.outlook, row.outlook.state
    amounts = (state.limit, state.spent, state.reserved, state.remaining)
    nothing = (None,) * len(amounts)
    by_unit = (*amounts, *nothing) if state.unit == USD else (*nothing, *amounts)
    named = (state.tenant, state.key, state.tag, state.period, one.starts, one.resets)
    return (*named, *by_unit, one.runs_out, one.earliest, one.latest, row.words)


def _row(one: Outlook, scope: Scope, receivers: int, last: AlertDelivery | None) -> Row:
    state = one.state
    part = " and ".join(filter(None, (state.key and f"key {state.key}", state.tag and f"tag {state.tag}")))
    return Row(
        outlook=one,
        whose=state.tenant,
        part=part or "all of its requests",
        limit=limit_of(state),
        spent=amount(state, state.spent),
        held=amount(state, state.reserved),
        left=amount(state, state.remaining),
        share=min(state.used_percent / 100, 1.0),
        fill=fill_of_used(state.used_percent / 100),
        words=said(one),
        requests=requests_of_budget(scope, one),
        told=_told(last, scope),
        receivers=receivers,
        settings=reverse("admin:tenants_budget_change", args=[state.id]) if scope.may(budgetverbs.CHANGE) else "",
        verbs=_verbs(state.id, scope),
    )


def _verbs(budget: int, scope: Scope) -> tuple[Verb, ...]:
    lift, notify, thresholds = (
        reverse(f"dashboard:budget-{verb}", args=[budget]) for verb in ("raise", "notify", "thresholds")
    )
    return (
        offered("Raise", lift, "" if scope.may(budgetverbs.RAISE) else budgetverbs.NO_RAISE),
        offered("Notify", notify, "" if scope.may(budgetverbs.NOTIFY) else budgetverbs.NO_NOTIFY),
        offered("Thresholds", thresholds, "" if scope.may(budgetverbs.CHANGE) else budgetverbs.NO_CHANGE),
    )


def _told(last: AlertDelivery | None, scope: Scope) -> str:
    """`80 % told 27 Nov 14:05`; empty: nothing was to tell."""
    if last is None:
        return ""
    percent = f"{last.message['percent']} %"
    if last.state == AlertDelivery.State.WAITING:
        return f"{percent} to be told" + (f", tried {last.tries} times: {last.problem}" if last.tries else "")
    ended = f"{last.ended_at.astimezone(scope.period.zone):%-d %b %H:%M}" if last.ended_at else ""
    given_up = last.state == AlertDelivery.State.FAILED
    return f"{percent} could not be told, given up {ended}: {last.problem}" if given_up else f"{percent} told {ended}"


def _this_month(now: datetime) -> TimeRange:
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return TimeRange.around(first, now, now)
