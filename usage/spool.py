"""What does the spool hold that the database does not yet? The reading end, for shipper, health and request pages.

Where the shipper stands is kept in the database (`ShipperMark`). A copy of it, `shipped.json` in the spool, tells
readers without a database; it may be a batch behind, never ahead.
"""

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Raw, Struct, structs

from usage import segments
from usage.outcomes import Outcome
from usage.segments import Segment

SHIPPED: Final = "shipped.json"
PROBE_BYTES: Final = 1024 * 1024  # a new segment takes less
NAME: Final = "spool"  # below VAR_DIR
_AFTER: Final = "SELECT number, body FROM entry WHERE number > ? ORDER BY number LIMIT ?"
_COUNT: Final = "SELECT count(*), min(at) FROM entry WHERE number > ?"
_FIND: Final = "SELECT body FROM entry WHERE number > ? AND request = ?"

NOTHING: Final = Raw(b"null")
_NUL, _REPLACEMENT = rb"\u0000", rb"\ufffd"


class _Journalled(Outcome):
    """An outcome as it is read: msgspec takes `Raw | None` for None alone."""

    features: Raw = NOTHING
    decision: Raw = NOTHING


_decode: Final = msgspec.json.Decoder(_Journalled).decode


class Backlog(Struct, frozen=True):
    """What waits to be shipped; `oldest_age_s` is 0 when nothing does."""

    rows: int = 0
    oldest_age_s: float = 0.0


class Entry(Struct, frozen=True):
    """A journalled row; `number` counts within its segment."""

    number: int
    body: bytes


def backlog(directory: Path, now: float | None = None) -> Backlog:
    """Count the rows that are not shipped; `now` is seconds since the epoch."""
    now = time.time() if now is None else now
    found = [counted for segment, last in _unshipped(directory) for counted in _query(segment, _COUNT, (last,))]
    oldest = min((at for rows, at in found if rows), default=now)
    return Backlog(sum(rows for rows, _ in found), max(now - oldest, 0.0))


def find(directory: Path, request_id: UUID) -> Outcome | None:
    """The outcome of a request that is not shipped yet."""
    for segment, last in _unshipped(directory):
        for (body,) in _query(segment, _FIND, (last, request_id.hex)):
            return Outcome(**structs.asdict(decode(body)))
    return None


def waiting(directory: Path) -> Iterator[Outcome]:
    """The outcomes that are not shipped yet; what cannot be read is left out."""
    for segment, last in _unshipped(directory):
        for _, body in _query(segment, _AFTER, (last, -1)):
            with suppress(msgspec.MsgspecError):
                yield decode(body)


def try_to_write(directory: Path) -> None:
    """Whether there is room for some outcomes; raises `OSError`: the disk is full, read-only or broken."""
    probe = directory / f"{os.getpid()}.probe"
    try:
        probe.write_bytes(bytes(PROBE_BYTES))
    finally:
        probe.unlink(missing_ok=True)


def free_bytes(directory: Path) -> int:
    """What is left of the spool's disk."""
    disk = os.statvfs(directory)
    return disk.f_bavail * disk.f_frsize


def entries(segment: Segment, after: int, limit: int) -> list[Entry]:
    """Up to `limit` rows that follow row `after`, in order of writing; raises `sqlite3.DatabaseError`."""
    with segments.reading(segment) as connection:
        return [Entry(number, body) for number, body in connection.execute(_AFTER, (after, limit))]


def decode(body: bytes) -> Outcome:
    """Read a journalled row; raises `msgspec.MsgspecError`."""
    if _NUL in body:  # a caller may send it, PostgreSQL cannot hold it
        body = body.replace(_NUL, _REPLACEMENT)
    outcome: Outcome = _decode(body)
    if outcome.features is NOTHING:
        outcome.features = None
    if outcome.decision is NOTHING:
        outcome.decision = None
    return outcome


def shipped(directory: Path) -> dict[str, int]:
    """The copy of the shipper's marks: the last row shipped by segment."""
    try:
        return msgspec.json.decode((directory / SHIPPED).read_bytes(), type=dict[str, int])
    except (FileNotFoundError, msgspec.MsgspecError):
        return {}


def note_shipped(directory: Path, marks: Mapping[str, int]) -> None:
    """Replace the copy at once."""
    draft = directory / f"{SHIPPED}.new"
    draft.write_bytes(msgspec.json.encode(marks))
    os.replace(draft, directory / SHIPPED)


def _unshipped(directory: Path) -> list[tuple[Segment, int]]:
    # The marks are read first: a segment deleted since then is simply gone, one marked since then is read again.
    marks = shipped(directory)
    return [(segment, marks.get(segment.name, 0)) for segment in segments.listing(directory)]


def _query(segment: Segment, sql: str, parameters: tuple[int | str, ...]) -> list[tuple[Any, ...]]:
    """Rows of one segment; none where it cannot be read: gone, not yet whole, or broken, which the shipper reports."""
    try:
        with segments.reading(segment) as connection:
            return connection.execute(sql, parameters).fetchall()
    except sqlite3.DatabaseError:
        return []
