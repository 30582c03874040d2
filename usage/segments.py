"""How does the spool lie on disk? One file of rows per segment, one locked file per living writer.

<writer>.writer             held with flock() for as long as the writer lives; the lock, unlike a pid, is right
                            across containers and cannot be reused
<writer>.open                what the writer has begun and not journalled yet (`usage.openslots`)
<writer>-<number>.segment   rows in the order of writing (`usage.rowlog`); the writer writes to its highest number
                            only, so every other segment of it is complete
"""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

WRITER: Final = ".writer"
SEGMENT: Final = ".segment"


class Segment(Struct, frozen=True, order=True):
    """One file of rows; `complete` when nobody writes to it any more."""

    name: str
    path: Path
    complete: bool


def path_of(directory: Path, writer: str, number: int) -> Path:
    return directory / f"{writer}-{number:06d}{SEGMENT}"


def listing(directory: Path) -> list[Segment]:
    """All segments, each writer's in order of writing. A segment listed as complete gets no further row."""
    # The order matters. A writer locks before it makes a segment: whoever is not alive after the listing has ended all
    # that is listed, and a segment below the highest number that is listed had ended before.
    paths = sorted(directory.glob(f"*{SEGMENT}"))
    alive = {path.stem for path in directory.glob(f"*{WRITER}") if is_held(path)}
    newest = {_writer_of(path): path for path in paths}
    return [
        Segment(path.stem, path, newest[_writer_of(path)] != path or _writer_of(path) not in alive) for path in paths
    ]


def _writer_of(path: Path) -> str:
    return path.stem.rpartition("-")[0]


def hold(path: Path) -> int:
    """Create and lock a file for the life of this process; return its descriptor."""
    while True:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_at(descriptor, path):
            return descriptor
        os.close(descriptor)  # it was swept away as a dead writer's between the opening and the lock


def is_held(path: Path) -> bool:
    """Whether a living process holds the file."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def dead_writers(directory: Path) -> Iterator[str]:
    """The writers that are gone and have no segment left. Each is locked while the caller sees to what else it left,
    and its lock file removed when the caller asks for the next."""
    owners = {_writer_of(path) for path in directory.glob(f"*{SEGMENT}")}
    for path in sorted(directory.glob(f"*{WRITER}")):
        if path.stem in owners or (descriptor := _take(path)) is None:
            continue
        try:
            yield path.stem
            path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def _take(path: Path) -> int | None:
    """Lock a file that nobody living holds; its descriptor."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    held = os.fstat(descriptor)
    return (held.st_dev, held.st_ino) == (found.st_dev, found.st_ino)
