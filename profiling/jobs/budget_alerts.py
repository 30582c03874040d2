"""Tell the receivers of alerts: which budgets passed a threshold, and whatever else waits to be sent."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from profiling.jobs.base import JobKind, Progress, Run
from tenants import alerting, delivering


class BudgetAlerts(JobKind):
    """Looks which budgets passed a threshold, each once in each period, and sends all alerts that are due; what was not
    taken is tried again for two hours."""

    name = "budget_alerts"
    label = "Send alerts"
    every = timedelta(minutes=1)

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        passed = alerting.notice(timezone.now())
        progress(0.3, f"{passed} budgets passed a threshold")
        taken, refused = delivering.deliver(timezone.now())
        return {"passed": passed, "delivered": taken, "to_try_again": refused}
