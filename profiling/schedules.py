"""When does each job kind run? A row per kind that operators edit in admin, made once and never overwritten."""

import json
from collections.abc import Callable
from datetime import time, timedelta
from typing import Final, TypeVar

from django.db import transaction
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from profiling.jobs import job_kinds
from profiling.jobs.base import JobKind
from providers import audit

ENQUEUE: Final = "profiling.enqueue"
DAY_S: Final = 86_400
T = TypeVar("T")


def ensure_schedules() -> list[str]:
    """Make the schedule of every kind that has none; return their names. A new kind runs at once."""
    return [kind.name for kind in job_kinds().values() if kind.every is not None and _ensure(kind, kind.every)]


def _ensure(kind: JobKind, every: timedelta) -> bool:
    """Kinds are told by their argument: an operator may rename, move or switch off a schedule, and it stays so."""
    arguments = json.dumps([kind.name])
    if PeriodicTask.objects.filter(task=ENQUEUE, args=arguments).exists():
        return False
    seconds = int(every.total_seconds())
    interval, _ = IntervalSchedule.objects.get_or_create(every=seconds, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.get_or_create(
        name=kind.label,
        defaults={
            "task": ENQUEUE,
            "args": arguments,
            "interval": interval,
            "last_run_at": timezone.now() - every,
            "description": (kind.__class__.__doc__ or "").strip(),
        },
    )
    return True


def schedule_of(kind: JobKind) -> PeriodicTask | None:
    """The schedule of a kind, on or off."""
    return (
        PeriodicTask.objects.filter(task=ENQUEUE, args=json.dumps([kind.name]))
        .select_related("interval", "crontab")
        .first()
    )


def set_daily(kind: JobKind, at: time | None, actor: audit.Actor, reason: str = "") -> None:
    """Run a kind each day at this time (UTC) from now on, or (None) no more by schedule."""

    def daily(task: PeriodicTask, when: time) -> None:
        named = {"minute": str(when.minute), "hour": str(when.hour), "timezone": "UTC"}
        task.crontab, _ = CrontabSchedule.objects.get_or_create(
            **named, day_of_week="*", day_of_month="*", month_of_year="*"
        )
        task.interval = task.solar = task.clocked = None

    _set(kind, at, daily, actor, reason)


def set_schedule(kind: JobKind, every: timedelta | None, actor: audit.Actor, reason: str = "") -> None:
    """Run a kind so often from now on, or (None) no more by schedule. The first run is due after one interval."""

    def spaced(task: PeriodicTask, span: timedelta) -> None:
        seconds = int(span.total_seconds())
        task.interval, _ = IntervalSchedule.objects.get_or_create(every=seconds, period=IntervalSchedule.SECONDS)
        task.crontab = task.solar = task.clocked = None

    _set(kind, every, spaced, actor, reason)


def _set(
    kind: JobKind, when: T | None, change: Callable[[PeriodicTask, T], None], actor: audit.Actor, reason: str
) -> None:
    with transaction.atomic():
        task = schedule_of(kind) or PeriodicTask(name=kind.label, task=ENQUEUE, args=json.dumps([kind.name]))
        before = audit.state(task) if task.pk else None
        if when is None and before is None:
            return
        task.enabled = when is not None
        if when is not None:
            change(task, when)
            task.last_run_at = timezone.now()
        task.save()
        changes = audit.difference(before, audit.state(task))
        audit.record(actor, "changed" if before else "added", task, changes, reason)
