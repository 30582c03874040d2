"""What does the spool hold that the database does not yet? The reading end, for shipper, health and request pages.

Where the shipper stands is kept in the database (`ShipperMark`). A copy of it, `shipped.json` in the spool, tells
readers without a database; it may be a batch behind, never ahead.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID

import msgspec
from msgspec import Raw, Struct, structs

from usage import segments
from usage.outcomes import Outcome
from usage.rowlog import BrokenSegment, heads, rows
from usage.segments import Segment

T = TypeVar("T")
SHIPPED: Final = "shipped.json"
PROBE_BYTES: Final = 1024 * 1024  # a new segment takes less
NAME: Final = "spool"  # below VAR_DIR

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
    bytes: int = 0


def backlog(directory: Path, now: float | None = None) -> Backlog:
    """Count the rows that are not shipped; `now` is seconds since the epoch."""
    now = time.time() if now is None else now
    instants, size = list[float](), 0
    for segment, last in _unshipped(directory):
        found = list(_readable(heads(segment.path, last)))
        instants += [at for _, at in found]
        size += found[-1][0] - last if found else 0
    return Backlog(len(instants), max(now - min(instants, default=now), 0.0), size)


def find(directory: Path, request_id: UUID) -> Outcome | None:
    """The outcome of a request that is not shipped yet, as its record will have it: without what was said."""
    found = find_journalled(directory, request_id)
    return structs.replace(found, kept=None) if found else None


def find_journalled(directory: Path, request_id: UUID) -> Outcome | None:
    """The same with all that is journalled."""
    name = request_id.hex.encode()
    for body in _bodies(directory):
        if name in body and (found := decode(body)).id == request_id.hex:
            return Outcome(**structs.asdict(found))
    return None


def waiting(directory: Path) -> Iterator[Outcome]:
    """The outcomes that are not shipped yet; what cannot be read is left out."""
    for body in _bodies(directory):
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


def decode(body: bytes) -> Outcome:
    """Read a journalled row; raises `msgspec.MsgspecError`."""
    if _NUL in body:  # a caller may send it, PostgreSQL cannot hold it
        body = body.replace(_NUL, _REPLACEMENT)
    outcome: Outcome = _decode(body)
    if outcome.features is NOTHING:
        outcome.features = None
    if outcome.decision is NOTHING:
        outcome.decision = None
    elif (
        outcome.busy is not None and outcome.decision is not None
    ):  # the decision itself is shared by requests; what ran then is each one's own
        outcome.decision = Raw(bytes(outcome.decision)[:-1] + b',"busy":' + msgspec.json.encode(outcome.busy) + b"}")
    outcome.busy = None
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


def _bodies(directory: Path) -> Iterator[bytes]:
    """Of the rows that are not shipped."""
    for segment, last in _unshipped(directory):
        for row in _readable(rows(segment.path, last)):
            yield row.body


def _readable(found: Iterator[T]) -> Iterator[T]:
    """What of a segment can be read: nothing where it is gone; what is broken is for the shipper to report."""
    with suppress(FileNotFoundError, BrokenSegment):
        yield from found
