"""Who is told of what needs somebody? Each finding once when it begins, and once when it is over.

What comes and goes is one finding: it is over when it has been gone for `QUIET`. A finding of a tenant is told to that
tenant's receivers alone, one that is no tenant's to those of the installation.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from msgspec import Struct

from providers.attention import Notice
from tenants.alerting import page_at
from tenants.alertrows import AlertDelivery, AlertReceiver, ToldFinding
from tenants.models import Tenant

QUIET: Final = timedelta(minutes=10)
GRADES: Final = ("failing", "harmful", "notable")  # by harm, 0 for the worst
HEARS: Final = {"failing": 0, "harmful": 1, "all": 2}  # the least harm, by what a receiver chose
LONGEST_ABOUT: Final = 300


class Graded(Struct, frozen=True):
    """A notice with its harm: 0 requests fail or are refused now, 1 it costs or will do harm, 2 worth knowing."""

    notice: Notice
    harm: int


def tell(found: Sequence[Graded], whole: bool, now: datetime) -> int:
    """Write a message for each finding that began or is over; how many. `whole`: nothing was left out of `found`.

    Three queries where nothing changed.
    """
    receivers = list(
        AlertReceiver.objects.filter(enabled=True).exclude(findings=AlertReceiver.Findings.NONE).defer("ciphertext")
    )
    if not receivers:
        return 0
    names = dict(Tenant.objects.filter(receivers__in=receivers).values_list("pk", "name"))
    told: dict[int, list[ToldFinding]] = {each.pk: [] for each in receivers}
    for row in ToldFinding.objects.filter(receiver__in=receivers):
        told[row.receiver_id].append(row)
    with transaction.atomic():
        return sum(_tell(each, _of(each, found), told[each.pk], names, whole, now) for each in receivers)


def _of(receiver: AlertReceiver, found: Iterable[Graded]) -> list[Graded]:
    return [each for each in found if each.notice.tenant == receiver.tenant_id]


def _tell(
    receiver: AlertReceiver, found: list[Graded], told: list[ToldFinding], names: dict[int, str], whole: bool,
    now: datetime,
) -> int:  # fmt: skip
    worst_last = sorted(found, key=lambda each: -each.harm)
    standing = {each.notice.about[:LONGEST_ABOUT]: each for each in worst_last}
    known = {row.about for row in told}
    said = [
        _said("began", about, each, names, now)
        for about, each in standing.items()
        if about not in known and _hears(receiver, each)
    ]
    ToldFinding.objects.bulk_create(
        [ToldFinding(receiver=receiver, about=each["finding"]["about"], told=each) for each in said]
    )
    over = _over(told, standing, now) if whole else []
    said += [row.told | {"event": "finding.ended", "text": f"Over: {row.told['finding']['what']}.", "at": _iso(now)}
             for row in over]  # fmt: skip
    ToldFinding.objects.filter(pk__in=[row.pk for row in over]).delete()
    AlertDelivery.objects.bulk_create([AlertDelivery(receiver=receiver, message=each, due_at=now) for each in said])
    return len(said)


def _hears(receiver: AlertReceiver, one: Graded) -> bool:
    """A threshold that was passed is told by the alert of its budget, to whom that is told."""
    if one.notice.level == "budget" and receiver.budget_alerts:
        return False
    return one.harm <= HEARS[receiver.findings]


def _over(told: list[ToldFinding], standing: dict[str, Graded], now: datetime) -> list[ToldFinding]:
    """Those that have been gone for long enough; of the others, since when they are gone or that they are back."""
    back = [row.pk for row in told if row.about in standing and row.gone_at is not None]
    gone = [row.pk for row in told if row.about not in standing and row.gone_at is None]
    ToldFinding.objects.filter(pk__in=back).update(gone_at=None) if back else None
    ToldFinding.objects.filter(pk__in=gone).update(gone_at=now) if gone else None
    lost = [row for row in told if row.about not in standing and row.gone_at is not None]
    return [row for row in lost if row.gone_at is not None and now - row.gone_at >= QUIET]


def _said(event: str, about: str, one: Graded, names: dict[int, str], now: datetime) -> dict[str, Any]:
    notice = one.notice
    return {
        "event": f"finding.{event}",
        "text": f"{notice.what}. {notice.effect}",
        "finding": {
            "about": about, "level": notice.level, "harm": GRADES[one.harm], "what": notice.what,
            "effect": notice.effect,
        },
        "tenant": names.get(notice.tenant) if notice.tenant is not None else None,
        "since": _iso(notice.since) if notice.since else None,
        "at": _iso(now),
        "page": page_at(notice.link),
    }  # fmt: skip


def _iso(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds")
