"""What do the processes of one machine count together? Small entries by name, in a file that all of them map to memory.

The file outlives its processes, so a worker that is killed or restarted forgets nothing. Who reads or writes holds the
table, by a lock of the kernel's that a killed process gives back; it is held for microseconds and never while waiting.
"""

import fcntl
import mmap
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from threading import Lock
from typing import Final

from tenants.errors import LimitsUnavailable

BUCKETS: Final = 4096
WAYS: Final = 8  # entries of a bucket; where all are taken, the one that was touched longest ago makes room
CONTENT_BYTES: Final = 128
PATIENCE_S: Final = 0.05  # of looks, for a process that was stopped while it held the table
START_PATIENCE_S: Final = 10.0  # for one that writes the file, which a slow disk makes long; no caller waits yet
PAUSE_S: Final = 0.0001
DIGEST_BYTES: Final = 16
HEAD: Final = Struct(f"<{DIGEST_BYTES}sQ")  # of the name, and when it was touched, in turns of the table
ENTRY_BYTES: Final = HEAD.size + CONTENT_BYTES
TURN: Final = Struct("<Q")  # at the beginning of the file
SIZE: Final = TURN.size + BUCKETS * WAYS * ENTRY_BYTES


class HostTable:
    """Entries of `CONTENT_BYTES`, zero at first. Without a path: the memory of this process alone."""

    def __init__(self, path: Path | None = None) -> None:
        self._thread_lock = Lock()
        self._places: dict[str, tuple[bytes, int]] = {}  # by name: digest, offset of its bucket
        self._descriptor = -1
        if path is not None:
            self._descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            self._make_room()
        self.map = mmap.mmap(self._descriptor, SIZE)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else reads or writes meanwhile; raises `LimitsUnavailable` where somebody does not let go."""
        with self._thread_lock:
            if self._descriptor < 0:
                yield
                return
            self._lock()
            try:
                yield
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def place_of(self, name: str) -> int:
        """The offset of the content of this entry in `map`; call it, and use it, while the table is held."""
        digest, bucket = self._places.get(name) or self._placed(name)
        turn = TURN.unpack_from(self.map)[0] + 1
        TURN.pack_into(self.map, 0, turn)
        oldest, oldest_turn = bucket, turn
        for place in range(bucket, bucket + WAYS * ENTRY_BYTES, ENTRY_BYTES):
            found, touched = HEAD.unpack_from(self.map, place)
            if found == digest:
                HEAD.pack_into(self.map, place, digest, turn)
                return place + HEAD.size
            if touched < oldest_turn:
                oldest, oldest_turn = place, touched
        # Emptied before it is named: killed in between, nobody finds what is not theirs.
        self.map[oldest : oldest + ENTRY_BYTES] = bytes(ENTRY_BYTES)
        HEAD.pack_into(self.map, oldest, digest, turn)
        return oldest + HEAD.size

    def contents(self) -> range:
        """The offsets of all contents."""
        return range(TURN.size + HEAD.size, SIZE, ENTRY_BYTES)

    def close(self) -> None:
        self.map.close()
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def _placed(self, name: str) -> tuple[bytes, int]:
        digest = blake2b(name.encode(), digest_size=DIGEST_BYTES).digest()
        bucket = int.from_bytes(digest[:4], "little") % BUCKETS
        found = self._places[name] = digest, TURN.size + bucket * WAYS * ENTRY_BYTES
        return found

    def _lock(self, patience_s: float = PATIENCE_S) -> None:
        # Counted in looks and not by the clock: on a busy machine we stand still as well, and that blames nobody.
        for _ in range(round(patience_s / PAUSE_S)):
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(PAUSE_S)
        raise LimitsUnavailable("Limits cannot be checked at the moment; try again soon.", retry_after_s=1)

    def _make_room(self) -> None:
        # Written, not only lengthened: touching a hole that the disk has no room for would kill the process.
        self._lock(START_PATIENCE_S)
        try:
            missing = SIZE - os.fstat(self._descriptor).st_size
            if missing > 0 and os.pwrite(self._descriptor, bytes(missing), SIZE - missing) < missing:
                raise OSError("no room for the counts of limits")
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
