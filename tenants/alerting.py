"""Which budgets passed a threshold, and who is told? Called by a job; each threshold once in each period."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from providers.secrets import SecretUnreadable, seal, unseal
from tenants.alertrows import MOST_TRIES, AlertDelivery, AlertReceiver, BudgetAlert
from tenants.selectors import BudgetState, budget_states
from tenants.webhooks import Hook, Undelivered, post

FIRST_PAUSE: Final = timedelta(minutes=1)  # doubles with each try
AT_ONCE: Final = 100  # deliveries of one look
KEPT: Final = timedelta(days=90)


def notice(now: datetime) -> int:
    """Write down the thresholds that were passed, and a message to each receiver of the highest; how many budgets."""
    with_receivers = set(AlertReceiver.objects.values_list("budget", flat=True))
    states = [state for state in budget_states(now) if state.id in with_receivers and state.alerts]
    known = set(BudgetAlert.objects.filter(budget__in=with_receivers).values_list("budget", "start", "percent"))
    return sum(_notice(state, known, now) for state in states)


def _notice(state: BudgetState, known: set[tuple[int, int, int]], now: datetime) -> bool:
    passed = [percent for percent in state.alerts if state.used_percent >= percent]
    new = [percent for percent in passed if (state.id, state.span.start, percent) not in known]
    if not new:
        return False
    with transaction.atomic():
        rows = {"budget_id": state.id, "start": state.span.start}
        BudgetAlert.objects.bulk_create([BudgetAlert(**rows, percent=each) for each in new], ignore_conflicts=True)
        alert = BudgetAlert.objects.get(**rows, percent=max(new))
        receivers = AlertReceiver.objects.filter(budget=state.id)
        AlertDelivery.objects.bulk_create(
            [
                AlertDelivery(receiver=each, alert=alert, message=message(state, max(new)), due_at=now)
                for each in receivers
            ],
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
        "page": f"{settings.PUBLIC_URL}/dashboard/budgets/?tenant={state.tenant}" if settings.PUBLIC_URL else None,
    }


def deliver(now: datetime) -> tuple[int, int]:
    """Post what is due; how many were taken, and how many not."""
    due = AlertDelivery.objects.filter(state=AlertDelivery.State.WAITING, due_at__lte=now).order_by("due_at")
    taken = [_deliver(row) for row in due.select_related("receiver")[:AT_ONCE]]
    return sum(taken), len(taken) - sum(taken)


def _deliver(row: AlertDelivery) -> bool:
    row.tries += 1
    now = timezone.now()
    try:
        post(hook_of(row.receiver), row.message, row.receiver.allow_private, now)
    except (Undelivered, SecretUnreadable) as exc:
        row.problem = str(exc)[:300]
        row.due_at = now + FIRST_PAUSE * 2 ** (row.tries - 1)
        if row.tries >= MOST_TRIES:
            row.state, row.ended_at = AlertDelivery.State.FAILED, now
    else:
        row.state, row.ended_at, row.problem = AlertDelivery.State.SENT, now, ""
    row.save()
    return row.state == AlertDelivery.State.SENT


def forget_old(now: datetime) -> int:
    """Drop what is older than any period; deliveries go with their alerts."""
    lasting = BudgetAlert.objects.exclude(start=0)  # of budgets in total, whose period never ends
    return lasting.filter(at__lt=now - KEPT).delete()[0]


def keep_hook(receiver: AlertReceiver, hook: Hook) -> None:
    """Seal where to and the key; what is shown of it is its host. The caller saves."""
    receiver.ciphertext = seal(msgspec.json.encode(hook).decode())
    scheme, _, rest = hook.url.partition("://")
    receiver.shown = f"{scheme}://{rest.partition('/')[0].partition('?')[0]}/…"[:300]


def hook_of(receiver: AlertReceiver) -> Hook:
    """Raises `SecretUnreadable`."""
    return msgspec.json.decode(unseal(receiver.ciphertext), type=Hook)


def receivers_of(budgets: Iterable[int]) -> dict[int, list[AlertReceiver]]:
    """The receivers of each budget, in one query."""
    found: dict[int, list[AlertReceiver]] = {}
    for row in AlertReceiver.objects.filter(budget__in=list(budgets)).order_by("pk"):
        found.setdefault(row.budget_id, []).append(row)
    return found


def last_deliveries(budgets: Iterable[int]) -> dict[int, AlertDelivery]:
    """The newest message about each budget, in one query."""
    of = AlertDelivery.objects.filter(alert__budget__in=list(budgets)).order_by()
    newest = of.values("alert__budget").annotate(newest=Max("pk")).values("newest")
    rows = AlertDelivery.objects.filter(pk__in=newest).select_related("alert")
    return {row.alert.budget_id: row for row in rows}
