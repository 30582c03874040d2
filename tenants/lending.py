"""How much of a budget may a worker have? Granted and taken back by the database alone, in one transaction each.

The windows are locked in the order of their budgets, here and in `tenants.settling`, so that nobody waits in a circle.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from django.db import DatabaseError, InterfaceError, connection, transaction
from msgspec import Struct

from tenants.budgets import Budget, BudgetLease, BudgetWindow

SHARE: Final = 64  # a slice is a 64th of what is left, or just what is needed where that is more
RESERVE_SHARE: Final = 16  # what a worker spends in a minute may be more: so much of what is left, and no more
Key = tuple[int, int]  # budget, start of the window


class Ask(Struct, frozen=True):
    """What a worker wants of a window: to cover `needs`, as many as fit, of which it has `free`; to have `reserve` in
    hand for the next minute, as far as that is a small part of what is left. It `keeps` so much of what it was granted
    and gives the rest back: said as what remains, so that nothing goes back twice where the same is asked again."""

    budget_id: int
    start: int
    keeps: int
    needs: tuple[int, ...] = ()
    free: int = 0
    reserve: int = 0


class Lent(Struct, frozen=True):
    """`granted` to this worker in all, less what it gave back; `left` of the window for whoever asks next."""

    granted: int
    left: int


def exchange_afresh(holder: str, asks: Sequence[Ask]) -> list[Lent]:
    """`exchange`, once more where a connection that stood turns out to be dead. Raises when the database is away."""
    stood = connection.connection is not None
    try:
        return exchange(holder, asks)
    except (DatabaseError, InterfaceError):
        connection.close()
        if not stood:
            raise
    return exchange_afresh(holder, asks)


@transaction.atomic
def exchange(holder: str, asks: Sequence[Ask]) -> list[Lent]:
    """Grant and take back, in the order of `asks`; of a budget that is gone nothing is left."""
    limits = {row.pk: row.limit for row in Budget.objects.filter(pk__in={ask.budget_id for ask in asks})}
    windows = locked_windows((ask.budget_id, ask.start) for ask in asks if ask.budget_id in limits)
    held = BudgetLease.objects.filter(holder=holder, window__in=[window.pk for window in windows.values()])
    leases = {lease.window_id: lease for lease in held}
    lent = []
    for ask in asks:
        window = windows.get((ask.budget_id, ask.start))
        if window is None:
            lent.append(Lent(0, 0))
            continue
        lease = leases.get(window.pk) or BudgetLease(window=window, holder=holder)
        lent.append(_trade(ask, window, lease, limits[ask.budget_id]))
    return lent


def locked_windows(keys: Iterable[Key]) -> dict[Key, BudgetWindow]:
    """These windows, made where they are missing, locked until the transaction ends."""
    wanted = set(keys)
    if not wanted:
        return {}
    found = _lock(wanted)
    if missing := sorted(wanted - found.keys()):
        rows = [BudgetWindow(budget_id=budget_id, start=start) for budget_id, start in missing]
        BudgetWindow.objects.bulk_create(rows, ignore_conflicts=True)
        found = _lock(wanted)
    return found


def slice_of(left: int, ask: Ask) -> int:
    """How much to grant of `left`, so that as many needs as possible are covered in their order. Pure."""
    wanted = 0
    for need in ask.needs:
        if wanted + need - ask.free <= left:
            wanted += need
    missing = max(wanted - ask.free, 0) if wanted else 0
    spare = min(ask.reserve - ask.free, left // RESERVE_SHARE) if ask.reserve else 0
    return max(missing, spare, left // SHARE if missing else 0, 0)


def _lock(keys: set[Key]) -> dict[Key, BudgetWindow]:
    budgets, starts = {key[0] for key in keys}, {key[1] for key in keys}
    rows = BudgetWindow.objects.select_for_update().filter(budget__in=budgets, start__in=starts)
    found = {(row.budget_id, row.start): row for row in rows.order_by("budget_id", "start")}
    return {key: row for key, row in found.items() if key in keys}


def _trade(ask: Ask, window: BudgetWindow, lease: BudgetLease, limit: int) -> Lent:
    left = max(limit - window.spent - window.leased, 0)
    amount = slice_of(left, ask) - max(min(lease.granted - ask.keeps, lease.outstanding), 0)
    if amount:
        window.leased += amount
        lease.granted += amount
        window.save(update_fields=["leased"])
        lease.save()
    return Lent(lease.granted, max(limit - window.spent - window.leased, 0))
