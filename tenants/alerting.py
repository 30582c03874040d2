"""Which budgets passed a threshold, and who is told? Called by a job; each threshold once in each period."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from tenants.alertrows import AlertDelivery, AlertReceiver, BudgetAlert
from tenants.selectors import BudgetState, budget_states


def notice(now: datetime) -> int:
    """Write down the thresholds that were passed, and a message to each receiver of the highest; how many budgets."""
    receivers = list(_listening())
    states = [state for state in budget_states(now) if state.alerts and _of(state, receivers)]
    ids = [state.id for state in states]
    known = set(BudgetAlert.objects.filter(budget__in=ids).values_list("budget", "start", "percent"))
    return sum(_notice(state, _of(state, receivers), known, now) for state in states)


def _notice(
    state: BudgetState, receivers: Sequence[AlertReceiver], known: set[tuple[int, int, int]], now: datetime
) -> bool:
    passed = [percent for percent in state.alerts if state.used_percent >= percent]
    new = [percent for percent in passed if (state.id, state.span.start, percent) not in known]
    if not new:
        return False
    with transaction.atomic():
        rows = {"budget_id": state.id, "start": state.span.start}
        BudgetAlert.objects.bulk_create([BudgetAlert(**rows, percent=each) for each in new], ignore_conflicts=True)
        alert, said = BudgetAlert.objects.get(**rows, percent=max(new)), message(state, max(new))
        AlertDelivery.objects.bulk_create(
            [AlertDelivery(receiver=each, alert=alert, message=said, due_at=now) for each in receivers],
            ignore_conflicts=True,
        )
    return True


def message(state: BudgetState, percent: int) -> dict[str, Any]:
    """What a receiver gets; `text` alone is what chat programs show. Amounts are texts of plain numbers."""
    effect = "what it does not cover is refused" if state.hard else "it only alerts"
    return {
        "event": "budget.threshold",
        "text": f"{state.name}: {state.used_percent:.0f} % is spent, past {percent} %; {effect}.",
        "budget": {"id": state.id, "tenant": state.tenant, "key": state.key or None, "tag": state.tag or None},
        "percent": percent,
        "spent": state.text_of(state.spent),
        "limit": state.text_of(state.limit),
        "unit": state.unit,
        "period": state.period,
        "resets_at": state.span.resets_at,
        "page": page_at(f"/dashboard/budgets/?tenant={state.tenant}"),
    }


def page_at(path: str) -> str | None:
    """The address of a page of ours, for people elsewhere; None: nobody said where we are reached."""
    return f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else None


def receivers_of(states: Iterable[BudgetState]) -> dict[int, list[AlertReceiver]]:
    """Who is told of each budget, in one query."""
    listening = list(_listening())
    return {state.id: _of(state, listening) for state in states}


def last_deliveries(budgets: Iterable[int]) -> dict[int, AlertDelivery]:
    """The newest message about each budget, in one query."""
    of = AlertDelivery.objects.filter(alert__budget__in=list(budgets)).order_by()
    newest = of.values("alert__budget").annotate(newest=Max("pk")).values("newest")
    rows = AlertDelivery.objects.filter(pk__in=newest).select_related("alert")
    return {row.alert.budget_id: row for row in rows if row.alert is not None}


def newest_messages(receivers: Iterable[int]) -> dict[int, AlertDelivery]:
    """The newest message to each receiver, in one query."""
    of = AlertDelivery.objects.filter(receiver__in=list(receivers)).order_by()
    newest = of.values("receiver").annotate(newest=Max("pk")).values("newest")
    return {row.receiver_id: row for row in AlertDelivery.objects.filter(pk__in=newest)}


def _listening() -> Iterable[AlertReceiver]:
    return AlertReceiver.objects.filter(enabled=True, budget_alerts=True).defer("ciphertext").iterator()


def _of(state: BudgetState, receivers: Iterable[AlertReceiver]) -> list[AlertReceiver]:
    return [
        each
        for each in receivers
        if (each.budget_id == state.id if each.budget_id else each.tenant_id in (None, state.tenant_id))
    ]
