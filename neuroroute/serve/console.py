"""What the supervisor says on the terminal, and where the children's own lines go."""

import os
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

LARGEST_LOG: Final = 20 * 1024 * 1024
TAIL_LINES: Final = 5
TAIL_BYTES: Final = 4096


def say(name: str, text: str) -> None:
    """One line with the time and the child that it is about."""
    with suppress(OSError):  # nobody reads any more, e.g. `make run | head`
        print(f"{datetime.now():%H:%M:%S} {name:<18} {text}", flush=True)


def complain(text: str) -> None:
    """One line on standard error."""
    print(text, file=sys.stderr, flush=True)


def open_log(path: Path) -> int:
    """A descriptor that appends to a log file."""
    rotate(path)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)


def rotate(path: Path) -> None:
    """Keep one earlier file, and start again in the same one: its writer holds it open and appends."""
    if not path.exists() or path.stat().st_size < LARGEST_LOG:
        return
    path.with_suffix(".log.1").write_bytes(path.read_bytes())
    os.truncate(path, 0)


def tail(path: Path) -> list[str]:
    """The last lines of a log file."""
    with suppress(OSError), path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return log.read().decode(errors="replace").splitlines()[-TAIL_LINES:]
    return []
