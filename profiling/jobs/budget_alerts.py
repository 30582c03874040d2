"""Tell the receivers of a budget that it passed a threshold."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from profiling.jobs.base import JobKind, Progress, Run
from tenants import alerting


class BudgetAlerts(JobKind):
    """Looks which budgets passed a threshold, each once in each period, and posts what is due; what was not taken is
    tried again for two hours."""

    name = "budget_alerts"
    label = "Tell of budgets"
    every = timedelta(minutes=1)

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        passed = alerting.notice(timezone.now())
        progress(0.3, f"{passed} budgets passed a threshold")
        taken, refused = alerting.deliver(timezone.now())
        return {"passed": passed, "delivered": taken, "to_try_again": refused}
