"""What did requests really take from budgets? Moved from leased to spent, in the shipper's own transaction."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, QuerySet
from msgspec import Struct

from tenants.budgets import Budget, BudgetLease, BudgetWindow
from tenants.charges import Charge
from tenants.lending import Key, locked_windows

LOST_AFTER: Final = timedelta(hours=1)  # a living worker gives back within a second what it does not use


class Reached(Struct, frozen=True):
    """A threshold of a budget that has just been passed."""

    budget: str
    percent: int
    spent: int
    limit: int


def settle(charges: Iterable[Charge]) -> list[Reached]:
    """Count the charges as spent; call it once for each, in the transaction that records their requests."""
    sums: dict[Key, dict[str | None, int]] = defaultdict(lambda: defaultdict(int))
    for charge in charges:
        if charge.amount:
            sums[charge.budget_id, charge.start][charge.lease] += charge.amount
    if not sums:
        return []
    budgets = {row.pk: row for row in Budget.objects.filter(pk__in={budget_id for budget_id, _ in sums})}
    windows = locked_windows(key for key in sums if key[0] in budgets)
    held = BudgetLease.objects.filter(window__in=[window.pk for window in windows.values()])
    leases = {(lease.window_id, lease.holder): lease for lease in held}
    reached: list[Reached] = []
    for key, window in windows.items():
        before = window.spent
        for holder, amount in sums[key].items():
            _settle(window, leases.get((window.pk, holder or "")), amount)
        window.save(update_fields=["spent", "leased"])
        reached += _passed(budgets[key[0]], before, window.spent)
    return reached


def release(holder: str) -> int:
    """Give back what a worker that is gone had leased; only when everything that it journalled is settled."""
    return _release(BudgetLease.objects.filter(holder=holder))


def lost_leases(now: datetime) -> QuerySet[BudgetLease]:
    """Leases whose worker was not heard of for so long that it must be lost, with its spool."""
    return BudgetLease.objects.filter(seen_at__lt=now - LOST_AFTER, granted__gt=F("settled"))


def release_lost(budgets: Iterable[int], now: datetime) -> int:
    """Give back what lost workers had leased of these budgets: an operator's word, for nobody else can know."""
    return _release(lost_leases(now).filter(window__budget__in=list(budgets)))


@transaction.atomic
def _release(found: QuerySet[BudgetLease]) -> int:
    windows = {window.pk: window for window in locked_windows(_keys(found)).values()}
    leases = list(found.filter(window__in=windows))
    for lease in leases:
        window = windows[lease.window_id]
        window.leased -= lease.outstanding
        window.save(update_fields=["leased"])
        lease.delete()
    return len(leases)


def _keys(leases: QuerySet[BudgetLease]) -> list[Key]:
    return list(leases.values_list("window__budget_id", "window__start"))


def _settle(window: BudgetWindow, lease: BudgetLease | None, amount: int) -> None:
    """A charge without a lease is one of a budget that only alerts, or came after its worker's lease was released."""
    window.spent += amount
    if lease is None:
        return
    window.leased -= min(amount, lease.outstanding)
    lease.settled += amount
    lease.granted = max(lease.granted, lease.settled)  # it cost more than its worst case: granted after the fact
    lease.save()


def _passed(budget: Budget, before: int, after: int) -> list[Reached]:
    limit = budget.limit
    passed = [percent for percent in budget.alerts if before * 100 < limit * percent <= after * 100]
    return [Reached(str(budget), percent, after, limit) for percent in passed]
