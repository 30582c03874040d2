"""Ask for a drill when its schedule says so."""

from typing import Any

from profiling.jobs.base import JobKind, Progress, Run
from profiling.schedules import schedule_of
from providers.audit import Actor
from routing.drill import history


class DrillBySchedule(JobKind):
    """Queues a resilience drill; its schedule is set at /dashboard/drill/."""

    name = "drill_by_schedule"
    label = "Resilience drill by schedule"
    tries = 1  # the next one comes by itself

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        task = schedule_of(self)
        if task is None or not task.enabled:
            return {"drill": None}  # it was ended while this run waited
        row = history.ask(Actor("schedule", "job"))
        return {"drill": row.pk if row else None}
