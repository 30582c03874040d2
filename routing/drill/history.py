"""Which drills were asked for, and how did they go? Each is a row, filled in while it is played."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone
from msgspec import convert, to_builtins

from profiling.hints import ask_for
from providers import audit
from routing.drill.gateway import NoGateway
from routing.drill.running import DrillRuns, Tell, chosen, run
from routing.drill.scores import Score
from routing.models import DrillRun

KEPT: Final = 200  # drills; older ones are forgotten
KIND: Final = "drill"  # of the job that plays what was asked for
SIGN_OF_LIFE: Final = timedelta(seconds=5)
SILENT: Final = timedelta(seconds=60)  # after which a drill was killed
WAITS: Final = timedelta(minutes=10)  # after which no worker is there to play it


@transaction.atomic
def ask(actor: audit.Actor, only: Sequence[str] = (), pace: float = 1.0) -> DrillRun | None:
    """Queue a drill for a worker; None where one waits or runs already."""
    now = timezone.now()
    if any(state(row, now) in ("waits", "runs") for row in DrillRun.objects.all()[:1]):
        return None
    row = open_run(actor, only, pace)
    ask_for(KIND, now, f"asked {now:%Y-%m-%dT%H:%M:%SZ}")
    return row


def open_run(actor: audit.Actor, only: Sequence[str], pace: float) -> DrillRun:
    """A row for a drill that is about to be played; raises `UnknownScenario`."""
    names = [scenario.name for scenario in chosen(only)]
    row = DrillRun.objects.create(asked_by=actor.name, pace=pace, scenarios=names)
    audit.record(actor, "started", row, {})
    DrillRun.objects.filter(pk__lte=row.pk - KEPT).delete()
    return row


def waiting() -> list[DrillRun]:
    """What was asked for and nobody has begun."""
    return list(DrillRun.objects.filter(started_at=None, finished_at=None).order_by("id"))


def play(row: DrillRun, tell: Tell) -> None:
    """Play a drill and keep its scores as they come; raises `DrillRuns`, `NoGateway`, and whatever `tell` raises."""
    row.started_at = row.alive_at = timezone.now()
    row.save()

    def keep(score: Score | None) -> None:
        now = timezone.now()
        if score is not None:
            row.scores = sorted([*row.scores, to_builtins(score)], key=lambda each: str(each["scenario"]))
        if score is not None or row.alive_at is None or now - row.alive_at > SIGN_OF_LIFE:
            row.alive_at = now
            row.save()
        tell(score)

    try:
        run(chosen(row.scenarios), row.pace, keep)
    except (DrillRuns, NoGateway) as exc:
        row.message = str(exc)[:500]
        raise
    finally:
        row.finished_at = timezone.now()
        row.save()


def scores(row: DrillRun) -> list[Score]:
    """What its scenarios came to, as far as they are over."""
    return convert(row.scores, list[Score])


def state(row: DrillRun, now: datetime) -> str:
    """waits, runs, over, or lost: nobody has heard of it for too long."""
    if row.finished_at is not None:
        return "over"
    if row.alive_at is None:
        return "waits" if now - row.asked_at < WAITS else "lost"
    return "runs" if now - row.alive_at < SILENT else "lost"
