"""Look at what the local servers have in memory, and keep it."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from profiling import stays
from profiling.jobs.base import JobKind, Progress, Run
from providers import residency

LONGEST_S = 5.0  # of one server: one that hangs must not hold up what else is due


class Residents(JobKind):
    """Asks each local server which models are in its memory and how much of the GPU they take; without one it does
    nothing. Pages draw the course of a week from it, and decision records say what was loaded."""

    name = "residents"
    label = "Look at local models"
    every = stays.EACH
    kept = timedelta(hours=6)
    lost = "What was in the memory of local servers meanwhile is not known."

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        seen = residency.look(LONGEST_S)
        changes = stays.keep(seen, timezone.now())
        answered = [server for server in seen if server.state is not None]
        return {"servers": len(seen), "answered": len(answered), "changes": changes}
