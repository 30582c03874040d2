"""How does somebody try whether alerts arrive? A test is sent as every alert is, by a job; its answer is waited for."""

from time import monotonic, sleep
from typing import Final

from django.db import transaction
from django.utils import timezone

from profiling.hints import ask_for
from profiling.jobs.alert_test import AlertTest
from providers import audit
from tenants.alertrows import AlertDelivery, AlertReceiver
from tenants.delivering import new_test

PATIENCE_S: Final = 15.0  # a webhook and a mail server may each take ten
LOOK_S: Final = 0.25


def ask_for_test(receiver: AlertReceiver, actor: audit.Actor, reason: str = "") -> AlertDelivery:
    """The test, waiting for the job that sends it."""
    now = timezone.now()
    with transaction.atomic():
        row = new_test(receiver, now)
        ask_for(AlertTest.name, now, f"test {row.pk}", {"delivery": row.pk})
        audit.record(actor, "tested", receiver, {}, reason)
    return row


def send_test(receiver: AlertReceiver, actor: audit.Actor, patience_s: float = PATIENCE_S) -> AlertDelivery:
    """The test and what became of it; still waiting where no job took it up in time. Not within a transaction."""
    row, until = ask_for_test(receiver, actor), monotonic() + patience_s
    while row.state == AlertDelivery.State.WAITING and monotonic() < until:
        sleep(LOOK_S)
        row.refresh_from_db()
    return row
