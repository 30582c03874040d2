"""How a worker runs what is due: one job after the other, each under a lease that a thread keeps alive."""

import logging
import os
import socket
import threading
import uuid
from datetime import timedelta

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.utils import timezone

from profiling import jobrows
from profiling.jobrows import Leased, LeaseLost
from profiling.jobs import job_kinds

logger = logging.getLogger(__name__)


def run_due(lease: timedelta | None = None) -> int:
    """Run every job that is due and leased by nobody; return how many."""
    lease = lease or timedelta(seconds=settings.JOB_LEASE_S)
    token = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
    count = 0
    while leased := jobrows.take(token, timezone.now(), lease):
        _run(leased, lease)
        count += 1
    return count


def _run(leased: Leased, lease: timedelta) -> None:
    keeper = LeaseKeeper(leased, lease)
    keeper.start()
    try:
        _settle(leased)
    except LeaseLost as exc:
        logger.warning("%s", exc)
    finally:
        keeper.stop()


def _settle(leased: Leased) -> None:
    def progress(share: float, message: str) -> None:
        jobrows.report(leased, share, message)

    try:
        result = job_kinds()[leased.run.kind].run(leased.run, progress)
    except LeaseLost:
        raise
    except Exception as exc:
        logger.exception("job %s %s failed at try %d", leased.run.kind, leased.run.window, leased.run.attempt)
        jobrows.fail(leased, f"{type(exc).__name__}: {exc}", timezone.now())
        return
    jobrows.finish(leased, result, timezone.now())


class LeaseKeeper(threading.Thread):
    """Extends a lease three times per lease, until it is stopped or the lease is another's."""

    def __init__(self, leased: Leased, lease: timedelta) -> None:
        super().__init__(name=f"lease-{leased.run.job_id}", daemon=True)
        self._leased = leased
        self._lease = lease
        self._stopped = threading.Event()

    def run(self) -> None:
        try:
            while not self._stopped.wait(self._lease.total_seconds() / 3):
                self._extend()
        except LeaseLost as exc:
            logger.warning("%s", exc)
        finally:
            connection.close()

    def stop(self) -> None:
        self._stopped.set()
        self.join()

    def _extend(self) -> None:
        try:
            jobrows.extend(self._leased, timezone.now(), self._lease)
        except DatabaseError as exc:
            logger.warning("cannot extend the lease of job %d now: %s", self._leased.run.job_id, exc)
            connection.close()
