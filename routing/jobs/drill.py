"""Play the drills that somebody asked for."""

from functools import partial
from typing import Any

from profiling.jobs.base import JobKind, Progress, Run
from routing.drill import history
from routing.drill.scores import Score
from routing.models import DrillRun


class Drill(JobKind):
    """Plays the public yardstick's failures through this installation; the scorecard stands at /dashboard/drill/."""

    name = history.KIND
    label = "Resilience drill"
    tries = 1  # a drill that failed to run is asked for again by whoever wants it

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        rows = history.waiting()
        for row in rows:
            history.play(row, partial(_report, row, progress))
        return {"drills": [row.pk for row in rows], "passed": [sum(s["passed"] for s in row.scores) for row in rows]}


def _report(row: DrillRun, progress: Progress, score: Score | None) -> None:
    if score is not None:
        progress(len(row.scores) / len(row.scenarios), f"{score.scenario} {'passed' if score.passed else 'failed'}")
