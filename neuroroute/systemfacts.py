"""What does an installation know of itself? One function per part of the system page; None is unknown."""

import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings
from django_celery_beat.models import PeriodicTask
from msgspec import Struct

from neuroroute import backups
from neuroroute.environment import Setting
from neuroroute.jobs.backup import CopyDatabase
from neuroroute.places import env
from neuroroute.redaction import HIDDEN, Redaction, is_secret_setting, secrets_in
from profiling.jobs import job_kinds
from profiling.models import Job
from profiling.schedules import schedule_of
from providers import revisions
from providers.vendors import VENDORS
from routing.inflight import asking
from usage import spool

OPEN_SHOWN: Final = 50
FAILED_SHOWN: Final = 20
FAILED_WITHIN: Final = timedelta(days=7)
BACKUPS_SHOWN: Final = 10


class Jobs(Struct, frozen=True):
    """Jobs that run or wait, those that run first, and those that failed for good lately."""

    open: list[Job]
    open_total: int
    failed: list[Job]
    failed_total: int


class JournalFacts(Struct, frozen=True):
    """What waits in this machine's journal, and the room that its disk has."""

    backlog: spool.Backlog
    free_bytes: int


class PartFacts(Struct, frozen=True):
    """One part of the configuration: its revision, and the one that each worker serves, None where it does not say."""

    part: str
    number: int
    served: list[int | None]

    @property
    def is_everywhere(self) -> bool:
        """Whether every worker that was heard serves it."""
        return bool(self.served) and all(each == self.number for each in self.served)


class ConfigurationFacts(Struct, frozen=True):
    """The parts, and the workers in the order of what they serve. `alone`: Redis is away."""

    parts: list[PartFacts]
    workers: list[str]
    asked: int
    alone: bool


class BackupFacts(Struct, frozen=True):
    """The newest copies, and where they lie."""

    directory: Path
    newest: list[backups.Backup]
    total: int


class DailyCopy(Struct, frozen=True):
    """The schedule of the job that copies the database, None where there never was one, and its last run."""

    task: PeriodicTask | None
    last: Job | None

    @property
    def on(self) -> bool:
        return self.task is not None and self.task.enabled

    @property
    def at(self) -> str:
        """Its time of day (UTC) as a form holds it; empty: it is off, or somebody gave it another rhythm."""
        if self.task is None or not self.task.enabled or self.task.crontab is None:
            return ""
        rhythm = self.task.crontab
        plain = rhythm.minute.isdecimal() and rhythm.hour.isdecimal()
        return f"{int(rhythm.hour):02d}:{int(rhythm.minute):02d}" if plain else ""

    def next_at(self, now: datetime) -> datetime | None:
        """When it is due, to the minute; None: it is off."""
        if self.task is None or not self.task.enabled:
            return None
        left: timedelta = self.task.schedule.remaining_estimate(self.task.last_run_at)
        return now + max(left, timedelta(0)) + timedelta(seconds=1)  # a moment has passed since


def jobs(now: datetime) -> Jobs:
    """Four queries, whatever the number of jobs."""
    rows = Job.objects.defer("order")  # of a bulk act it has the ids of all rows
    waiting = rows.filter(state__in=(Job.State.RUNNING, Job.State.QUEUED))
    failed = rows.filter(state=Job.State.FAILED, finished_at__gt=now - FAILED_WITHIN)
    shown = waiting.order_by("-state", "due_at", "id")[:OPEN_SHOWN]  # r(unning) is behind q(ueued) in the alphabet
    return Jobs(list(shown), waiting.count(), list(failed.order_by("-finished_at")[:FAILED_SHOWN]), failed.count())


def journal() -> JournalFacts | None:
    """None where this machine has no journal that can be read."""
    directory = Path(settings.VAR_DIR) / spool.NAME
    try:
        return JournalFacts(spool.backlog(directory), spool.free_bytes(directory))
    except OSError:
        return None


def configuration() -> ConfigurationFacts:
    """Waits for the workers' answers, as long as `routing.inflight.asking` does."""
    numbers, heard = revisions.numbers(), asking.serving()
    workers = {name: serves for name, serves in sorted(heard.workers.items()) if serves}
    names = sorted({*numbers, *(part for serves in workers.values() for part in serves)})
    parts = [PartFacts(name, numbers.get(name, 0), [each.get(name) for each in workers.values()]) for name in names]
    return ConfigurationFacts(parts, list(workers), heard.asked, heard.alone)


def daily_copy() -> DailyCopy:
    """Two queries."""
    task = schedule_of(job_kinds()[CopyDatabase.name])
    ended = Job.objects.filter(kind=CopyDatabase.name, state__in=(Job.State.DONE, Job.State.FAILED))
    return DailyCopy(task, ended.order_by("-finished_at").first())


def copies() -> BackupFacts | None:
    """None where the directory of backups cannot be read."""
    directory = backups.usual_place()
    try:
        found = backups.latest(directory)
    except OSError:
        return None
    return BackupFacts(directory, found[:BACKUPS_SHOWN], len(found))


def settings_in_force() -> list[Setting]:
    """Every setting that this process has read, and the upstreams that the environment names; no secret's value."""
    read, redaction = env.in_force(), Redaction(secrets_in(os.environ))
    named = {name for vendor in VENDORS for name in (*vendor.url_names, *vendor.key_names)}
    upstreams = [Setting(name, os.environ[name], env.source(name)) for name in sorted(named) if os.environ.get(name)]
    return list(_masked([*read, *upstreams], redaction))


def _masked(found: Iterable[Setting], redaction: Redaction) -> Iterable[Setting]:
    for one in found:
        shown = HIDDEN if one.value and is_secret_setting(one.name) else redaction.text(one.value)
        yield Setting(one.name, shown, one.source)
