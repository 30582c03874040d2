"""Send one alert that somebody asks for, to see whether it arrives."""

from typing import Any

from profiling.jobs.base import JobKind, Progress, Run
from tenants.alertrows import AlertDelivery
from tenants.delivering import attempt


class AlertTest(JobKind):
    """Sends a test to one receiver of alerts, by the way that all alerts take; once."""

    name = "alert_test"
    label = "Send a test alert"
    by_order = True
    tries = 1
    lost = "Somebody waits for a test of an alert receiver."

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        number = int((run.order or {})["delivery"])
        waiting = AlertDelivery.objects.filter(pk=number, state=AlertDelivery.State.WAITING)
        row = waiting.select_related("receiver__tenant").first()
        return {"delivered": row is not None and attempt(row)}
