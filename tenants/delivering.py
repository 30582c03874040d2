"""How does a message reach its receiver? One way for both kinds: by a job, again where it was not taken, given up at
last; what became of it stands in its row."""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from django.db.models import Q
from django.utils import timezone

from providers.secrets import SecretUnreadable, seal, unseal
from tenants.alerting import page_at
from tenants.alertrows import MOST_TRIES, AlertDelivery, AlertReceiver, BudgetAlert
from tenants.mailing import send
from tenants.webhooks import Hook, Undelivered, post

FIRST_PAUSE: Final = timedelta(minutes=1)  # doubles with each try
AT_ONCE: Final = 100  # deliveries of one look
KEPT: Final = timedelta(days=90)
State = AlertDelivery.State


def deliver(now: datetime) -> tuple[int, int]:
    """Send what is due; how many were taken, and how many not."""
    due = AlertDelivery.objects.filter(state=State.WAITING, due_at__lte=now, test=False, receiver__enabled=True)
    taken = [attempt(row) for row in due.order_by("due_at").select_related("receiver")[:AT_ONCE]]
    return sum(taken), len(taken) - sum(taken)


def attempt(row: AlertDelivery) -> bool:
    """Try once, and write down what came of it; whether it was taken."""
    row.tries += 1
    now = timezone.now()
    try:
        row.answer = _hand_over(row, now)[:300]
    except (Undelivered, SecretUnreadable) as exc:
        row.problem = str(exc)[:300]
        row.due_at = now + FIRST_PAUSE * 2 ** (row.tries - 1)
        if row.test or row.tries >= MOST_TRIES or getattr(exc, "permanent", False):
            row.state, row.ended_at = State.FAILED, now
    else:
        row.state, row.ended_at, row.problem = State.SENT, now, ""
    row.save()
    return row.state == State.SENT


def _hand_over(row: AlertDelivery, now: datetime) -> str:
    """What the other side answered; raises `Undelivered`, `SecretUnreadable`."""
    receiver = row.receiver
    if receiver.kind == AlertReceiver.Kind.EMAIL:
        return send(receiver.email, row.message, f"{row.pk}.{row.created_at:%Y%m%d%H%M%S}")
    return post(hook_of(receiver), row.message, receiver.allow_private, now)


def new_test(receiver: AlertReceiver, now: datetime) -> AlertDelivery:
    """A message that says that alerts arrive, for a job to send."""
    said = {
        "event": "test",
        "text": f"A test: what {receiver} is to be told of arrives here.",
        "receiver": {"tenant": receiver.tenant.name if receiver.tenant else None, "name": receiver.name},
        "page": page_at("/dashboard/"),
    }
    return AlertDelivery.objects.create(receiver=receiver, test=True, message=said, due_at=now)


def forget_old(now: datetime) -> int:
    """Drop what is older than any period; deliveries of budgets go with their alerts."""
    lasting = BudgetAlert.objects.exclude(start=0)  # of budgets in total, whose period never ends
    ended = AlertDelivery.objects.filter(~Q(state=State.WAITING) | Q(test=True), alert=None, created_at__lt=now - KEPT)
    return lasting.filter(at__lt=now - KEPT).delete()[0] + ended.delete()[0]


def keep_hook(receiver: AlertReceiver, hook: Hook) -> None:
    """Seal where to and the key; what is shown of it is its host. The caller saves."""
    receiver.ciphertext = seal(msgspec.json.encode(hook).decode())
    scheme, _, rest = hook.url.partition("://")
    receiver.shown = f"{scheme}://{rest.partition('/')[0].partition('?')[0]}/…"[:300]
    receiver.kind, receiver.email = AlertReceiver.Kind.WEBHOOK, ""


def keep_email(receiver: AlertReceiver, email: str) -> None:
    """An address is no secret: it is shown. The caller saves."""
    receiver.ciphertext, receiver.allow_private = b"", False
    receiver.kind, receiver.email, receiver.shown = AlertReceiver.Kind.EMAIL, email, email


def hook_of(receiver: AlertReceiver) -> Hook:
    """Raises `SecretUnreadable`. Of a receiver that is no webhook: an empty one."""
    if not receiver.ciphertext:
        return Hook("", "")
    return msgspec.json.decode(unseal(receiver.ciphertext), type=Hook)
