"""What do the web workers know that needs somebody, for jobs to tell? Each keeps a row of it, beside its requests.

Open breakers and refused credentials live in a worker's memory. A worker writes what it would show on its own pages
when that changes, and once a minute while there is any; a row that is older is of a worker that is gone.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

import msgspec
import structlog
from django.db import Error, connection
from django.utils import timezone

from providers.attention import Notice
from providers.catalog import Catalog
from providers.models import Provider
from providers.realms import APART
from routing.attention import notices_of
from routing.models import WorkerTrouble
from routing.resilience import Health
from routing.resilience.report import health_report

log = structlog.get_logger(__name__)
LOOK_S: Final = 5.0
AGAIN: Final = timedelta(minutes=1)
GONE: Final = timedelta(minutes=3)
KEPT: Final = timedelta(days=1)


class TroubleWatch:
    """One worker's word on its own `Health`."""

    def __init__(self, health: Health, catalog: Callable[[], Catalog]) -> None:
        self._health, self._catalog = health, catalog
        self._worker = f"{socket.gethostname()}:{os.getpid()}"[:64]
        self._written: frozenset[str] = frozenset()
        self._at: datetime | None = None

    async def run(self) -> None:
        """Until it is cancelled; no thread and no query while all is well."""
        while True:
            await asyncio.sleep(LOOK_S)
            if self._health.uneasy or self._written:
                await asyncio.to_thread(self._keep)

    def keep(self, now: datetime) -> None:
        """Write what there is where it reads otherwise, or was last written a minute ago; raises what the database
        does."""
        found = list(notices_of(health_report(self._health, self._catalog().targets, monotonic()), now))
        abouts = frozenset(each.about for each in found)
        if abouts == self._written and (not found or (self._at is not None and now - self._at < AGAIN)):
            return
        row = {"told": msgspec.to_builtins(found), "at": now}
        WorkerTrouble.objects.update_or_create(worker=self._worker, defaults=row)
        self._written, self._at = abouts, now

    def _keep(self) -> None:
        try:
            self.keep(timezone.now())
        except Error as exc:
            log.warning("what needs somebody in this worker waits for the database", error=str(exc).strip())
        finally:
            connection.close()  # the thread is anybody's


def troubles(now: datetime) -> Iterator[Notice]:
    """What the workers that live know; the drill's own deployments fail on purpose."""
    WorkerTrouble.objects.filter(at__lt=now - KEPT).delete()
    rows = list(WorkerTrouble.objects.filter(at__gte=now - GONE).order_by("pk"))
    told = [each for row in rows for each in msgspec.convert(row.told, list[Notice])]
    apart = set(Provider.objects.filter(source__in=APART).values_list("name", flat=True)) if told else set()
    for each in told:
        if each.traffic.partition("/")[0] not in apart:
            yield each
