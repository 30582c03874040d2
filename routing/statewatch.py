"""In which states were the deployments? Looked at every second beside the requests, and kept by minute in a thread.

What is fit is not written; that somebody looked is. So a minute without any row is one of which nobody knows anything.
"""

import asyncio
from collections.abc import Callable, Iterator
from time import monotonic, time
from typing import Final

import structlog
from django.db import Error, connection

from providers.catalog import Catalog
from providers.selectors import deployments_off
from routing.resilience import Health
from routing.resilience.report import breaker_report
from usage import states
from usage.rollups import DAY, MINUTE
from usage.selectors import TimeRange, state_series
from usage.states import NO_DEPLOYMENT, WATCHED, Seen, State

log = structlog.get_logger(__name__)
LOOK_S: Final = 1.0  # the shortest cooldown is longer
WRITE_S: Final = 5.0
MOST_WAITING: Final = 20_000  # while the database is away; the oldest minutes go first


class StateWatch:
    """One worker's watch over its own `Health`."""

    def __init__(
        self,
        health: Health,
        catalog: Callable[[], Catalog],
        clock: Callable[[], float] = monotonic,
        wall: Callable[[], float] = time,
    ) -> None:
        self._health, self._catalog, self._clock, self._wall = health, catalog, clock, wall
        self._looked_at: Catalog | None = None
        self._known: set[str] = set()  # that have been in the catalogue
        self._gone: set[str] = set()  # and are not there now
        self._waiting: set[Seen] = set()
        self._kept: set[Seen] = set()  # of the last minutes
        self._away = False

    async def run(self) -> None:
        """Until it is cancelled."""
        write_at = 0.0
        while True:
            self.look()
            if self._waiting and self._clock() >= write_at:  # no thread for nothing
                await asyncio.to_thread(self._write)
                write_at = self._clock() + WRITE_S
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Take in how things are at this moment; touches memory only."""
        minute = int(self._wall()) // MINUTE * MINUTE
        found: set[Seen] = {(minute, NO_DEPLOYMENT, WATCHED)}
        found |= {(minute, name, state) for name, state in self._troubles()}
        self._waiting |= found - self._kept

    def write(self) -> None:
        """Keep what waits; raises what the database does."""
        if not self._waiting:
            return
        waiting = set(self._waiting)
        minute = max(at for at, _, _ in waiting)
        self._gone |= _off_lately(minute) - {target.name for target in self._catalog().targets}
        states.record(waiting)
        self._waiting -= waiting
        self._kept = {seen for seen in self._kept | waiting if seen[0] >= minute - MINUTE}

    def _write(self) -> None:
        try:
            self.write()
            self._away = False
        except Error as exc:
            if not self._away:
                log.warning("states of deployments wait for the database", error=str(exc).strip())
            self._away = True
            self._waiting = set(sorted(self._waiting)[-MOST_WAITING:])
        finally:
            connection.close()  # the thread is anybody's

    def _troubles(self) -> Iterator[tuple[str, State]]:
        catalog, health, now = self._catalog(), self._health, self._clock()
        if catalog is not self._looked_at:
            here = {target.name for target in catalog.targets}
            self._known |= here
            self._gone = (self._gone | self._known) - here
            self._looked_at = catalog
        for name in self._gone:
            yield name, "off"
        if not health.uneasy:
            return
        for target in catalog.targets:
            breaker = breaker_report(health, target, now).state
            if breaker != "closed":
                yield target.name, breaker
            elif health.barred(target, now) is not None:
                yield target.name, "cooldown"


def _off_lately(minute: int) -> set[str]:
    """What was seen off today or the day before, by a worker that has ended perhaps, and is off still."""
    found = state_series([TimeRange.of(minute // DAY * DAY - DAY, minute // DAY * DAY + DAY)])
    return {name for name, (cell,) in found.items() if "off" in cell} & deployments_off()
