"""How a job's row moves: queued, leased by one worker, done; or back to the queue when that worker failed or died."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import F, Q
from msgspec import Struct

from profiling.jobs import job_kinds
from profiling.jobs.base import Run
from profiling.models import Job

FIRST_PAUSE_S: Final = 30
LONGEST_PAUSE_S: Final = 3600
LOOKED_AT: Final = 10
LONGEST_MESSAGE: Final = 500


class LeaseLost(Exception):
    """This worker was silent for longer than its lease, and the job is another's now."""


class Leased(Struct, frozen=True):
    """A job that this worker holds under `token`."""

    run: Run
    token: str


def enqueue(kind: str, now: datetime, window: str | None = None, order: dict[str, Any] | None = None) -> bool:
    """Queue one run of `kind`; return False where one is queued already, or its window has had its run.

    Raises `KeyError` for an unknown kind, `ValueError` for a kind that takes orders without one, or with one for
    another. `window` is the kind's own unless given. Runs with an order wait beside each other.
    """
    if job_kinds()[kind].by_order != (order is not None):
        raise ValueError(f"{kind}: {'needs' if order is None else 'takes no'} order")
    window = window or job_kinds()[kind].window(now)
    if order is None and Job.objects.filter(kind=kind, state=Job.State.QUEUED).exists():
        return False
    _, created = Job.objects.get_or_create(kind=kind, window=window, defaults={"due_at": now, "order": order})
    return created


def hurry(kind: str, now: datetime) -> bool:
    """Make the queued run of `kind` due at once; return whether there was one that had to wait."""
    return bool(Job.objects.filter(kind=kind, state=Job.State.QUEUED, due_at__gt=now).update(due_at=now))


def is_due(now: datetime) -> Q:
    """The rows that somebody should run: due and leased by nobody, or left by a worker whose lease ran out."""
    return Q(state=Job.State.QUEUED, due_at__lte=now) | Q(state=Job.State.RUNNING, lease_until__lt=now)


def take(token: str, now: datetime, lease: timedelta) -> Leased | None:
    """Lease the job that has waited longest; None when there is none. One statement decides between workers."""
    for row in Job.objects.filter(is_due(now)).order_by("due_at", "id")[:LOOKED_AT]:
        if not _can_run_again(row, now):
            continue
        mine = Job.objects.filter(is_due(now), pk=row.pk).update(
            state=Job.State.RUNNING,
            leased_by=token,
            lease_until=now + lease,
            started_at=now,
            attempts=F("attempts") + 1,
            progress=0.0,
            message="",
        )
        if mine:
            return Leased(Run(row.pk, row.kind, row.window, row.attempts + 1, row.order), token)
    return None


def extend(leased: Leased, now: datetime, lease: timedelta) -> None:
    """Say that the worker is alive; raises `LeaseLost`."""
    _change(leased, lease_until=now + lease)


def report(leased: Leased, progress: float, message: str) -> None:
    """Keep how far the job is; raises `LeaseLost`."""
    _change(leased, progress=min(max(progress, 0.0), 1.0), message=message[:LONGEST_MESSAGE])


def finish(leased: Leased, result: dict[str, Any], now: datetime) -> None:
    """The job is done; raises `LeaseLost`."""
    _change(leased, state=Job.State.DONE, progress=1.0, result=result, finished_at=now, lease_until=None)


def fail(leased: Leased, message: str, now: datetime) -> None:
    """This try failed: queue the job again after a pause that doubles, or give up; raises `LeaseLost`."""
    message = message[:LONGEST_MESSAGE]
    if leased.run.attempt >= job_kinds()[leased.run.kind].tries:
        _change(leased, state=Job.State.FAILED, message=message, finished_at=now, lease_until=None)
        return
    _change(leased, state=Job.State.QUEUED, message=message, due_at=now + pause(leased.run.attempt), lease_until=None)


def pause(attempt: int) -> timedelta:
    """How long to wait after the `attempt`th try: 30 s, doubling, an hour at most."""
    return timedelta(seconds=min(FIRST_PAUSE_S * 2 ** (attempt - 1), LONGEST_PAUSE_S))


def _can_run_again(row: Job, now: datetime) -> bool:
    """Close the row of a kind that is gone, or of a job that took its worker down with it every time."""
    kind = job_kinds().get(row.kind)
    if kind is not None and row.attempts < kind.tries:
        return True
    died = f"its worker died{f' {row.attempts} times' if row.attempts > 1 else ''}"
    reason = "this kind of job is unknown" if kind is None else died
    Job.objects.filter(is_due(now), pk=row.pk).update(
        state=Job.State.FAILED, message=reason, finished_at=now, lease_until=None
    )
    return False


def _change(leased: Leased, **fields: Any) -> None:
    mine = Job.objects.filter(pk=leased.run.job_id, state=Job.State.RUNNING, leased_by=leased.token)
    if not mine.update(**fields):
        raise LeaseLost(f"{leased.run.kind} {leased.run.window}: another worker holds this job")
