"""Which requests has a worker begun and not yet journalled? One slot per request, in a file that outlives a kill -9.

`<writer>.open` beside the writer's segments, mapped into memory: slots of `SLOT_BYTES`, each the length of its content
(four bytes, little endian; 0: free) and then the content. A slot is written while it is free and its length last, so
that one with a length is whole whenever the process is killed.
"""

import errno
import mmap
import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import Final

OPEN: Final = ".open"
SLOT_BYTES: Final = 4096
SLOTS_AT_ONCE: Final = 256
_LENGTH: Final = struct.Struct("<I")
ROOM: Final = SLOT_BYTES - _LENGTH.size


class OpenSlots:
    """The slots of one living writer."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        self._count = 0
        self._free: list[int] = []
        self._taken: dict[str, int] = {}
        self._map: mmap.mmap | None = None

    def put(self, key: str, body: bytes) -> None:
        """Keep `body`, at most `ROOM` bytes, in place of what `key` had; raises `OSError` on a full disk."""
        if not self._free:
            self._grow()
        assert self._map is not None
        slot, before = self._free.pop(), self._taken.get(key)
        begin = slot * SLOT_BYTES + _LENGTH.size
        self._map[begin : begin + len(body)] = body
        _LENGTH.pack_into(self._map, slot * SLOT_BYTES, len(body))
        self._taken[key] = slot
        if before is not None:
            self._release(before)

    def drop(self, key: str) -> None:
        """Forget what `key` had, if it had anything."""
        slot = self._taken.pop(key, None)
        if slot is not None:
            self._release(slot)

    def close(self) -> None:
        if self._map is not None:
            self._map.close()
        os.close(self._descriptor)

    def _release(self, slot: int) -> None:
        assert self._map is not None
        _LENGTH.pack_into(self._map, slot * SLOT_BYTES, 0)
        self._free.append(slot)  # the last one first: its pages are in the processor's cache

    def _grow(self) -> None:
        # Written, not only lengthened: touching a hole that the disk has no room for would kill the process.
        begin, more = self._count * SLOT_BYTES, SLOTS_AT_ONCE * SLOT_BYTES
        if os.pwrite(self._descriptor, bytes(more), begin) < more:
            raise OSError(errno.ENOSPC, "no room for further requests")
        if self._map is not None:
            self._map.close()
        self._map = mmap.mmap(self._descriptor, begin + more)
        self._free = list(range(self._count + SLOTS_AT_ONCE - 1, self._count - 1, -1))
        self._count += SLOTS_AT_ONCE


def path_of(directory: Path, writer: str) -> Path:
    return directory / f"{writer}{OPEN}"


def left(directory: Path, writer: str) -> list[bytes]:
    """What a writer that is gone had begun, and may have journalled after all."""
    with suppress(FileNotFoundError):
        data = path_of(directory, writer).read_bytes()
        slots = (data[at : at + SLOT_BYTES] for at in range(0, len(data), SLOT_BYTES))
        return [
            slot[_LENGTH.size : _LENGTH.size + length] for slot in slots if (length := _LENGTH.unpack_from(slot)[0])
        ]
    return []
