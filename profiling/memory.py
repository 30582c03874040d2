"""How was the memory of the local servers shared among their models over a range? From stays to a course per model."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from profiling.models import ModelStay
from profiling.stays import SERVER, Key

MOST: Final = (
    10_000  # stays of a range, the newest: a model that comes and goes with every look makes as many in a week
)
Buckets = Sequence[tuple[datetime, datetime]]
Event = tuple[datetime, bool, ModelStay]  # when, whether the model goes, which


class ModelCourse(Struct, frozen=True):
    """One model of one server. `vram_bytes`: at the moment of each bucket when all models together took most; 0 where
    it was not there, None where its server does not say, or was not looked at. `in_memory`: at any time of it."""

    provider: str
    model: str
    vram_bytes: tuple[int | None, ...]
    in_memory: tuple[bool | None, ...]

    @property
    def told(self) -> bool:
        """Whether its server ever said how much VRAM it takes."""
        return any(self.vram_bytes)


class Move(Struct, frozen=True):
    """A model got into memory (first seen then) or out of it (last seen then)."""

    at: datetime
    provider: str
    model: str
    loaded: bool
    vram_bytes: int | None


class Memory(Struct, frozen=True):
    """All models that were in memory in a range, the moves newest first; `last` is what the last look at each server
    saw, and `looked_at` when that was."""

    courses: tuple[ModelCourse, ...] = ()
    moves: tuple[Move, ...] = ()
    last: tuple[ModelStay, ...] = ()
    looked_at: datetime | None = None


def memory(buckets: Buckets) -> Memory:
    """The buckets follow one another; one query."""
    start, end = buckets[0][0], buckets[-1][1]
    newest = ModelStay.objects.filter(until__gte=start, since__lt=end).order_by("-until", "-since")[:MOST]
    rows = sorted(newest, key=lambda row: row.since)
    servers = [row for row in rows if row.model == SERVER]
    stays = [row for row in rows if row.model != SERVER]
    looked_at = {row.provider: row.until for row in servers}
    last = tuple(row for row in stays if row.until == looked_at.get(row.provider))
    moves = [move for move in _moves(stays, servers) if start <= move.at < end]
    moves.sort(key=lambda move: move.at, reverse=True)
    courses = tuple(_courses(stays, servers, buckets))
    return Memory(courses, tuple(moves), last, max(looked_at.values(), default=None))


def _courses(stays: list[ModelStay], servers: list[ModelStay], buckets: Buckets) -> Iterator[ModelCourse]:
    looked, there = _touched(servers, buckets), _touched(stays, buckets)
    fullest, places = _fullest(stays, buckets), range(len(buckets))
    for key, inside in sorted(there.items()):
        seen = looked.get((key[0], SERVER), set())
        taken = (fullest[i].get(key, 0) if i in seen else None for i in places)
        yield ModelCourse(*key, tuple(taken), tuple(i in inside if i in seen else None for i in places))


def _touched(rows: list[ModelStay], buckets: Buckets) -> dict[Key, set[int]]:
    """The places of the buckets that each key's rows reach into."""
    starts, found = [start for start, _ in buckets], dict[Key, set[int]]()
    for row in rows:
        first, last = (max(bisect_right(starts, at) - 1, 0) for at in (row.since, row.until))
        found.setdefault((row.provider, row.model), set()).update(range(first, last + 1))
    return found


def _fullest(stays: list[ModelStay], buckets: Buckets) -> list[dict[Key, int | None]]:
    """What was in memory at the fullest moment of each bucket: at its start, or when something came."""
    events = deque(sorted(_events(stays), key=lambda event: event[:2]))
    inside: dict[Key, ModelStay] = {}
    found = []
    for start, end in buckets:
        while events and events[0][0] < start:
            _apply(events.popleft(), inside)
        most = _shares(inside)
        while events and events[0][0] < end:
            if _apply(events.popleft(), inside):
                most = max(most, _shares(inside), key=_size)
        found.append(most)
    return found


def _events(stays: list[ModelStay]) -> Iterator[Event]:
    for row in stays:
        yield row.since, False, row
        yield row.until, True, row


def _apply(event: Event, inside: dict[Key, ModelStay]) -> bool:
    """Take an event in; say whether a model came."""
    _, goes, row = event
    key = row.provider, row.model
    if not goes:
        inside[key] = row
    elif inside.get(key) is row:  # else it goes on with other figures
        del inside[key]
    return not goes


def _shares(inside: dict[Key, ModelStay]) -> dict[Key, int | None]:
    return {key: row.vram_bytes for key, row in inside.items()}


def _size(shares: dict[Key, int | None]) -> tuple[int, int]:
    """Bytes, and how many models: of two moments without a figure the one with more models is the fuller."""
    return sum(share or 0 for share in shares.values()), len(shares)


def _moves(stays: list[ModelStay], servers: list[ModelStay]) -> Iterator[Move]:
    """What came after a look that did not see it, and went before one that did not; the rest was there, or nobody
    knows."""
    courses: dict[Key, list[ModelStay]] = {}
    for row in stays:
        courses.setdefault((row.provider, row.model), []).append(row)
    for (provider, _), rows in courses.items():
        looks = [server for server in servers if server.provider == provider]
        for before, row, after in zip([None, *rows], rows, [*rows[1:], None], strict=False):
            goes_on = before is not None and before.until == row.since
            if not goes_on and any(look.since < row.since <= look.until for look in looks):
                yield Move(row.since, provider, row.model, True, row.vram_bytes)
            stays_on = after is not None and after.since == row.until
            if not stays_on and any(look.since <= row.until < look.until for look in looks):
                yield Move(row.until, provider, row.model, False, row.vram_bytes)
