"""Which supervisor runs on this VAR_DIR? The one that holds its lock; a number that a dead one left is nobody's."""

import fcntl
from contextlib import suppress

from neuroroute.places import RUN_DIR


def supervisor_pid(lock: str = "serve.lock") -> int | None:
    """Its process id."""
    with suppress(OSError, ValueError), open(RUN_DIR / lock) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(file.read())
    return None
