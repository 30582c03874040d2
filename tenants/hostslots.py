"""How many requests of a caller run on this machine, all its workers together? A killed worker's places come free.

Every worker is a holder with a number of its own, which it keeps locked as long as it lives: whose number can be locked
by another is dead, and what it held is free.
"""

import fcntl
import os
from pathlib import Path
from struct import Struct
from typing import Final

from tenants.errors import LimitsUnavailable
from tenants.hosttable import CONTENT_BYTES, HostTable
from tenants.slots import Gauge, Gauges

HOLDERS: Final = 64
COUNTS: Final = Struct(f"<{HOLDERS}H")  # requests that run, by holder
ONE: Final = Struct("<H")


class HostSlots:
    """The places of one machine. Without a path: of this process."""

    def __init__(self, path: Path | None = None) -> None:
        self._table = HostTable(path)
        self._locks = -1
        if path is not None:
            self._locks = os.open(path.with_suffix(".holders"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        self._me: int | None = None

    def take(self, gauges: Gauges, hosts: int = 1) -> Gauge | None:
        """A place in each, or in none: then the gauge that is full. `hosts`: of how many machines each has a part."""
        with self._table.held():
            me = self._number()
            places = [self._table.place_of(gauge.counter) for gauge in gauges]
            for gauge, place in zip(gauges, places, strict=True):
                if self._running(place) >= gauge.limit // hosts:
                    self._bury(place)
                    if self._running(place) >= gauge.limit // hosts:
                        return gauge
            for place in places:
                self._add(place + me * ONE.size, 1)
            return None

    def free(self, gauges: Gauges) -> None:
        with self._table.held():
            for gauge in gauges:
                self._add(self._table.place_of(gauge.counter) + self._number() * ONE.size, -1)

    def running(self, gauges: Gauges) -> tuple[int, ...]:
        with self._table.held():
            return tuple([self._running(self._table.place_of(gauge.counter)) for gauge in gauges])

    def close(self) -> None:
        self._table.close()
        if self._locks >= 0:
            os.close(self._locks)

    def _running(self, place: int) -> int:
        return sum(COUNTS.unpack_from(self._table.map, place))

    def _add(self, place: int, amount: int) -> None:
        ONE.pack_into(self._table.map, place, max(ONE.unpack_from(self._table.map, place)[0] + amount, 0))

    def _number(self) -> int:
        """This process's; taken when it is first needed."""
        if self._me is None:
            self._me = 0 if self._locks < 0 else next(filter(self._lock, range(HOLDERS)), None)
            if self._me is None:
                raise LimitsUnavailable(f"More than {HOLDERS} workers count here.", retry_after_s=1)
            self._forget(self._me)
        return self._me

    def _bury(self, place: int) -> None:
        """Free what dead holders held, those that hold a place here."""
        for number, count in enumerate(COUNTS.unpack_from(self._table.map, place)):
            if count and number != self._me and self._lock(number):
                self._forget(number)
                fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, number)

    def _lock(self, number: int) -> bool:
        """Whether nobody held this number; now we do."""
        try:
            fcntl.lockf(self._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def _forget(self, number: int) -> None:
        nothing = bytes(ONE.size)
        for place in self._table.contents():
            at = place + number * ONE.size
            if self._table.map[at : at + ONE.size] != nothing:
                self._table.map[at : at + ONE.size] = nothing


assert COUNTS.size <= CONTENT_BYTES
