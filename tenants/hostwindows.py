"""How much of each window has this machine taken, all its workers together, whatever becomes of Redis?

Nothing is spent here that was not counted first, so the workers of one machine never take more than a limit between
them: with Redis, without it, and while it comes and goes. Redis sees to it that several machines together do not.
"""

from collections.abc import Sequence
from pathlib import Path
from struct import Struct as Layout
from typing import Final

from msgspec import Struct

from tenants.hosttable import CONTENT_BYTES, HostTable
from tenants.limits import Measure, Window

SHARE: Final = 400  # the part of what is left that one slice is: with four idle workers one percent is not spent
LARGEST_SLICE: Final[dict[Measure, int]] = {"requests": 100, "tokens": 200_000}
KEPT: Final = 3  # windows of a counter: a clock that jumped and comes back finds its window again
COUNT: Final = Layout("<5q")
Needs = Sequence[tuple[Window, int]]


class Count(Struct):
    """One window: its `start`; what this machine took, `alone` of it without Redis' knowing yet; what other machines
    took and what all did, when last heard."""

    start: int
    own: int = 0
    alone: int = 0
    others: int = 0
    heard: int = 0

    def room_alone(self, limit: int, hosts: int) -> int:
        """What may be taken without Redis: an equal part of what was left when it was last heard."""
        return (limit - self.own + self.alone - self.others) // hosts - self.alone


class Reserved(Struct, frozen=True):
    """What to ask Redis for: `wanted`, at least what is needed; and what to tell it: it has counted at least `floor`,
    and does not know of `debt`."""

    wanted: int
    floor: int
    debt: int


class HostWindows:
    """The counts of one machine; `hosts`: how many machines share the limits. Without a path: of this process."""

    def __init__(self, path: Path | None = None, hosts: int = 1) -> None:
        self._table, self._hosts = HostTable(path), hosts

    def reserve(self, needs: Needs) -> list[Reserved] | None:
        """Take what is needed, and a little ahead, from every window; None, and nothing, where one has too little."""
        with self._table.held():
            counts = [self._read(window) for window, _ in needs]
            if any(need > window.limit - count.own for (window, need), (_, count) in zip(needs, counts, strict=True)):
                return None
            reserved = []
            for (window, need), (place, count) in zip(needs, counts, strict=True):
                ahead = min((window.limit - count.own) // SHARE, LARGEST_SLICE[window.measure])
                # Tokens are given back: what all had taken once is no floor.
                floor = count.heard if window.measure == "requests" else 0
                reserved.append(Reserved(max(need, ahead), floor, count.alone))
                count.own, count.alone = count.own + reserved[-1].wanted, 0
                self._write(place, count)
            return reserved

    def granted(self, needs: Needs, reserved: Sequence[Reserved], answer: Sequence[tuple[int, int]]) -> None:
        """Redis has granted so much, after which all machines had taken so much."""
        with self._table.held():
            for (window, _), asked, (granted, used) in zip(needs, reserved, answer, strict=True):
                place, count = self._read(window)
                count.own = max(count.own - asked.wanted + granted, 0)
                others = max(used - count.own, 0)
                count.others = max(count.others, others) if window.measure == "requests" else others
                count.heard = used
                self._write(place, count)

    def undo(self, needs: Needs, reserved: Sequence[Reserved], *, keep: bool = False) -> bool:
        """Redis did not answer. `keep`: what is needed is taken all the same; whether this machine's part of the
        windows has room for it: else everything goes back."""
        with self._table.held():
            counts = [self._read(window) for window, _ in needs]
            for asked, (_, count) in zip(reserved, counts, strict=True):
                count.own, count.alone = max(count.own - asked.wanted, 0), count.alone + asked.debt
            keep = keep and all(
                need <= count.room_alone(window.limit, self._hosts)
                for (window, need), (_, count) in zip(needs, counts, strict=True)
            )
            for (_, need), (place, count) in zip(needs, counts, strict=True):
                if keep:
                    count.own, count.alone = count.own + need, count.alone + need
                self._write(place, count)
            return keep

    def add(self, window: Window, amount: int) -> None:
        """Count more, beyond the limit if need be, or less."""
        with self._table.held():
            place, count = self._read(window)
            count.own = max(count.own + amount, 0)
            self._write(place, count)

    def seed(self, window: Window, used: int) -> None:
        """All machines together had taken at least so much of the window."""
        with self._table.held():
            place, count = self._read(window)
            count.others = max(count.others, used - count.own)
            self._write(place, count)

    def left(self, windows: Sequence[Window]) -> tuple[int, ...]:
        """What this machine may still take of each without Redis."""
        with self._table.held():
            counts = [self._read(window)[1] for window in windows]
        rooms = [count.room_alone(window.limit, self._hosts) for window, count in zip(windows, counts, strict=True)]
        return tuple([max(room, 0) for room in rooms])

    def used(self, windows: Sequence[Window]) -> tuple[int, ...]:
        """What all machines took of each, as far as this one knows."""
        with self._table.held():
            counts = [self._read(window)[1] for window in windows]
        return tuple([count.own + count.others for count in counts])

    def close(self) -> None:
        self._table.close()

    def _read(self, window: Window) -> tuple[int, Count]:
        """Where the window's count stands, and what it says; a window that is new takes the place of the oldest."""
        begin = self._table.place_of(window.counter)
        end = begin + KEPT * COUNT.size
        for place in range(begin, end, COUNT.size):
            values = COUNT.unpack_from(self._table.map, place)
            if values[0] == window.start:
                return place, Count(*values)
        older = self._table.map[begin : end - COUNT.size]
        self._table.map[begin + COUNT.size : end] = older
        fresh = Count(window.start)
        self._write(begin, fresh)
        return begin, fresh

    def _write(self, place: int, count: Count) -> None:
        COUNT.pack_into(self._table.map, place, count.start, count.own, count.alone, count.others, count.heard)


assert KEPT * COUNT.size <= CONTENT_BYTES
