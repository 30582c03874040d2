"""How does the spool lie on disk? One SQLite file per segment, one locked file per living writer.

<writer>.writer             held with flock() for as long as the writer lives; the lock, unlike a pid, is right
                            across containers and cannot be reused
<writer>.open                what the writer has begun and not journalled yet (`usage.openslots`)
<writer>-<number>.segment   (with -wal and -shm) rows in the order of writing; the writer writes to its highest
                            number only, so every other segment of it is complete
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

WRITER: Final = ".writer"
SEGMENT: Final = ".segment"
INSERT: Final = "INSERT INTO entry (request, at, body) VALUES (?, ?, ?)"
SCHEMA: Final = "CREATE TABLE entry (number INTEGER PRIMARY KEY, request TEXT, at REAL, body BLOB)"
# Rows are about 2 kB: a page takes four. The log is folded back every 256 pages, which stalls for half a millisecond;
# seldom would stall longer, and never costs more, because a log that starts over writes where the kernel has pages.
# synchronous=OFF: a commit is in the kernel, and so outlives the process; only a crash of the machine can take it.
_WRITER_PRAGMAS: Final = (
    "PRAGMA page_size=8192",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=OFF",
    "PRAGMA wal_autocheckpoint=256",
)


class Segment(Struct, frozen=True, order=True):
    """One file of rows; `complete` when nobody writes to it any more."""

    name: str
    path: Path
    complete: bool

    def files(self) -> list[Path]:
        """The file and what SQLite keeps beside it."""
        return [Path(f"{self.path}{suffix}") for suffix in ("", "-wal", "-shm")]

    def unlink(self) -> None:
        for path in self.files():
            path.unlink(missing_ok=True)


def path_of(directory: Path, writer: str, number: int) -> Path:
    return directory / f"{writer}-{number:06d}{SEGMENT}"


def create(path: Path) -> sqlite3.Connection:
    """Make a segment and open it for writing; each statement commits by itself. Raises `sqlite3.Error`."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0.2)
    try:
        for pragma in _WRITER_PRAGMAS:
            connection.execute(pragma)
        connection.execute(SCHEMA)
    except sqlite3.Error:
        connection.close()
        Segment(path.stem, path, True).unlink()
        raise
    return connection


def append(path: Path) -> sqlite3.Connection:
    """Open a segment of our own again."""
    return sqlite3.connect(path, isolation_level=None)


@contextmanager
def reading(segment: Segment) -> Iterator[sqlite3.Connection]:
    """The segment opened for reading; its writer goes on undisturbed."""
    with closing(
        sqlite3.connect(f"{segment.path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    ) as connection:
        yield connection


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
