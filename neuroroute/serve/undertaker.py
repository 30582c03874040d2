"""Who ends the children when the supervisor itself is killed? A tiny process that notices and ends them.

It is forked before anything else and reads a pipe that only the supervisor writes to: `+PID` and `-PID` lines name the
process groups that live. The pipe ends with the supervisor, however that dies, on every POSIX system.
"""

import os
import signal
import time
from contextlib import suppress
from typing import Final

GRACE_S: Final = 10.0
POLL_S: Final = 0.1


class Undertaker:
    """The supervisor's end of the pipe."""

    def __init__(self) -> None:
        reader, self._writer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._writer)
            _wait_and_bury(reader)
            os._exit(0)
        os.close(reader)

    def born(self) -> None:
        """This process, which leads a group of its own, lives from now on.

        For `preexec_fn`: the child says it, before it is anything else. Its parent may be killed before it could.
        """
        self._write(f"+{os.getpid()}\n")

    def dead(self, group: int) -> None:
        """A process group is gone."""
        self._write(f"-{group}\n")

    def dismiss(self) -> None:
        """All children are gone; end."""
        os.close(self._writer)
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def _write(self, line: str) -> None:
        with suppress(BrokenPipeError):  # somebody killed it; the supervisor still ends its children itself
            os.write(self._writer, line.encode())


def _wait_and_bury(reader: int) -> None:
    _detach()
    groups: set[int] = set()
    with os.fdopen(reader) as lines:
        for line in lines:
            groups = {group for group in groups if send(group, 0)}  # one that could not be started says no end
            (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    end_groups(groups, GRACE_S)


def _detach() -> None:
    """Leave the terminal's process group and its output, so that neither Ctrl-C nor a reader of the pipe is held up."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)


def end_groups(groups: set[int], grace_s: float) -> None:
    """SIGTERM to all, SIGKILL to what still lives after the grace."""
    deadline = time.monotonic() + grace_s
    living = {group for group in groups if send(group, signal.SIGTERM)}
    while living and time.monotonic() < deadline:
        time.sleep(POLL_S)
        living = {group for group in living if send(group, 0)}
    for group in living:
        send(group, signal.SIGKILL)


def send(group: int, number: int) -> bool:
    """Send a signal to a process group; return whether there is one."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS says EPERM of a group that only has zombies
        return False
    return True
