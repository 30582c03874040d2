"""The beat: reads the schedules, queues what they ask for, and sweeps up what a dead worker or broker left."""

import logging
import os
import socket
import uuid
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections, connection
from django.utils import timezone
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from profiling import leases
from profiling.hints import ask_for, hint
from profiling.jobrows import is_due
from profiling.models import Job
from profiling.schedules import ENQUEUE, ensure_schedules

BEAT: Final = "beat"
LONGEST_PAUSE_S: Final = 5.0
LONGEST_SWEEP_S: Final = 60.0  # hints pile up in a broker whose workers are away
logger = logging.getLogger(__name__)


class OneBeatScheduler(DatabaseScheduler):
    """A beat that works only while it holds the lease, in any number of processes.

    A schedule's due run becomes a row of ours in this process: the broker may be away or wiped and nothing is lost.
    """

    producer = None  # the base class's connects to the broker, and waits for it, at every due entry

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
        self._holds = False
        self._ttl = timedelta(seconds=settings.JOB_LEASE_S)
        self._pause_s = min(settings.JOB_LEASE_S / 4, LONGEST_PAUSE_S)
        self._swept_at = timezone.now()
        self._sweep_s = self._pause_s
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Nothing yet: the schedules are made by the beat that holds the lease."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Do what is due; return the seconds until the next look."""
        try:
            if not self._hold():
                return self._pause_s
            pause = min(super().tick(*args, **kwargs), self._pause_s)
            self._sweep()
        except DatabaseError as exc:
            logger.warning("the beat waits for the database: %s", type(exc).__name__)
            connection.close()
            return self._pause_s
        return pause

    def apply_async(self, entry: ModelEntry, producer: Any = None, advance: bool = True, **kwargs: Any) -> Any:
        if entry.task != ENQUEUE:
            return super().apply_async(entry, producer=producer, advance=advance, **kwargs)
        return self._enqueue(*entry.args)

    def close(self) -> None:
        super().close()
        if self._holds:
            leases.release(BEAT, self._holder)

    def _hold(self) -> bool:
        close_old_connections()
        held, self._holds = self._holds, leases.hold(BEAT, self._holder, timezone.now(), self._ttl)
        if self._holds and not held:
            made = ensure_schedules()
            logger.info("this process is the beat now; new schedules: %s", ", ".join(made) or "none")
            self._initial_read, self._heap = True, None  # another beat may have run entries since we last looked
        return self._holds

    def _enqueue(self, kind: str) -> None:
        try:
            ask_for(kind, timezone.now())
        except KeyError:
            logger.warning("a schedule asks for the unknown job kind %r", kind)

    def _sweep(self) -> None:
        """Send a hint while something is due, less and less often: a message may be lost, and a worker may die."""
        now = timezone.now()
        if (now - self._swept_at).total_seconds() < self._sweep_s:
            return
        self._swept_at = now
        if not Job.objects.filter(is_due(now)).exists():
            self._sweep_s = self._pause_s
            return
        hint()
        self._sweep_s = min(self._sweep_s * 2, LONGEST_SWEEP_S)
