"""How do rows lie in a segment? One behind the other, each written by one system call.

A row is a mark, the length of its body in bytes (both four bytes), the instant of its writing (eight: seconds since the
epoch as a double) and its body; numbers are little endian. A row counts when its last byte is there, so what a writer
that was killed left behind its last whole row is none. A position is where a row ends, in bytes from the beginning.
"""

import errno
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from msgspec import Struct

MARK: Final = b"row\n"
_HEAD: Final = struct.Struct("<4sId")
_READ_AHEAD: Final = 256 * 1024


class BrokenSegment(Exception):
    """Something in a segment is no row."""


class Row(Struct, frozen=True):
    position: int
    at: float  # seconds since the epoch
    body: bytes


class RowWriter:
    """The one writing end of a segment: its rows survive the process, not a crash of the machine."""

    def __init__(self, path: Path) -> None:
        """Go on behind the last whole row of `path`, or make it; raises `OSError`, `BrokenSegment`."""
        self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._end = 0
        for position, _ in heads(path):
            self._end = position
        os.ftruncate(self._file, self._end)

    def append(self, at: float, body: bytes) -> None:
        """Return when the row is there; raises `OSError`, and then it is not."""
        row = _HEAD.pack(MARK, len(body), at) + body
        written = os.write(self._file, row)
        if written < len(row):
            os.ftruncate(self._file, self._end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._end += written

    def close(self) -> None:
        os.close(self._file)


def rows(path: Path, after: int = 0) -> Iterator[Row]:
    """The whole rows behind a position; raises `OSError`, and `BrokenSegment` where something else comes."""
    with path.open("rb", buffering=_READ_AHEAD) as file:
        for position, at, length in _walk(file, after):
            body = file.read(length)
            if len(body) < length:
                return
            yield Row(position, at, body)


def heads(path: Path, after: int = 0) -> Iterator[tuple[int, float]]:
    """Position and instant of each of these rows."""
    with path.open("rb", buffering=_READ_AHEAD) as file:
        size = os.fstat(file.fileno()).st_size
        for position, at, length in _walk(file, after):
            if position > size:
                return
            file.seek(length, os.SEEK_CUR)
            yield position, at


def _walk(file: BinaryIO, at: int) -> Iterator[tuple[int, float, int]]:
    """Where each row ends, when it was written, how long its body is, which the caller reads or skips."""
    file.seek(at)
    while len(head := file.read(_HEAD.size)) == _HEAD.size:
        mark, length, instant = _HEAD.unpack(head)
        if mark != MARK:
            raise BrokenSegment(f"no row begins at byte {at}")
        at += _HEAD.size + length
        yield at, instant, length
