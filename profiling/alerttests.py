"""How does somebody try whether alerts arrive? A test is sent as every alert is, by a job; its row has the answer."""

from django.db import transaction
from django.utils import timezone

from profiling.hints import ask_for
from profiling.jobs.alert_test import AlertTest
from providers import audit
from tenants.alertrows import AlertDelivery, AlertReceiver
from tenants.delivering import new_test


def ask_for_test(receiver: AlertReceiver, actor: audit.Actor, reason: str = "") -> AlertDelivery:
    """The test, waiting for the job that sends it."""
    now = timezone.now()
    with transaction.atomic():
        row = new_test(receiver, now)
        ask_for(AlertTest.name, now, f"test {row.pk}", {"delivery": row.pk})
        audit.record(actor, "tested", receiver, {}, reason)
    return row
