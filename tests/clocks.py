"""A wall clock that can be set while processes run, of Redis and PostgreSQL too: `tests/wallclock.c`, preloaded.

Not libfaketime: 0.9.10 cannot leave the monotonic clock alone under Python 3.11 (`time.sleep` fails with EINVAL, its
issue 426), and Redis does not start with it.
"""

import mmap
import shutil
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from time import time
from typing import Final

SOURCE: Final = Path(__file__).with_name("wallclock.c")
NANO: Final = 10**9
_AHEAD: Final = struct.Struct("q")


def why_not() -> str | None:
    """Why the clock of a process cannot be set here."""
    if not sys.platform.startswith("linux"):
        return "the clock of a process can be set on Linux only"
    return None if shutil.which("cc") else "no C compiler (cc) found: the clock of a process cannot be set"


class WallClock:
    """The clock of all processes that are started with `environment`: `ahead_s` of the real one, set as they run."""

    def __init__(self, directory: Path, ahead_s: float = 0.0) -> None:
        library, file = directory / "wallclock.so", directory / "ahead"
        subprocess.run(["cc", "-O2", "-Wall", "-shared", "-fPIC", "-o", str(library), str(SOURCE)], check=True)
        directory.chmod(0o755)  # PostgreSQL runs as somebody else
        file.write_bytes(bytes(_AHEAD.size))
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), _AHEAD.size)
        self.environment = {"LD_PRELOAD": str(library), "WALL_CLOCK": str(file)}
        self.set(ahead_s)

    def set(self, ahead_s: float) -> None:
        self.ahead_s = ahead_s
        _AHEAD.pack_into(self._map, 0, round(ahead_s * NANO))

    def step(self, seconds: float) -> None:
        """At once, for all of them."""
        self.set(self.ahead_s + seconds)

    def now(self) -> float:
        """What those processes see."""
        return time() + self.ahead_s

    def close(self) -> None:
        with suppress(BufferError):
            self._map.close()
