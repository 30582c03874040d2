"""How is a sandbox provider stopped and started while NeuroRoute runs? Through its supervisor, which owns it."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from neuroroute.places import LOG_DIR, RUN_DIR
from neuroroute.serve.console import tail
from neuroroute.serve.running import supervisor_pid
from providers.sandbox.offer import DEMO

PREFIX: Final = "sandbox-"
STOP_S: Final = 5.0
START_S: Final = 20.0  # a new process beside others that start
POLL_S: Final = 0.05


class SandboxTrouble(Exception):
    """It cannot be done; the message says why."""


def status(name: str | None) -> Iterator[str]:
    """One line per provider."""
    for each in _names(name):
        pid = _pid(_pid_file(each))
        yield f"{each}: {f'runs (pid {pid})' if pid else 'stopped'}"


def stop(name: str | None) -> Iterator[str]:
    """End them and wait until they are gone."""
    for each in _names(name):
        if pid := _pid(_pid_file(each)):
            os.kill(pid, signal.SIGTERM)
            _wait_until_gone(each)
        yield f"{each}: stopped"


def start(name: str | None) -> Iterator[str]:
    """Ask the supervisor to start them and wait until they serve."""
    supervisor = supervisor_pid()
    if not supervisor:
        raise SandboxTrouble("no NeuroRoute runs here: `make run` starts it, with its sandbox when it needs one")
    for each in _names(name):
        if not _pid(_pid_file(each)):
            (RUN_DIR / f"{each}.start").touch()
            os.kill(supervisor, signal.SIGUSR1)
        _wait_until_it_serves(each)
        yield f"{each}: runs"


def _names(name: str | None) -> list[str]:
    known = [f"{PREFIX}{wire}" for wire in DEMO]
    if name is None:
        return known
    full = name if name.startswith(PREFIX) else f"{PREFIX}{name}"
    if full not in known:
        raise SandboxTrouble(f"{name}: no such provider; there are {', '.join(known)}")
    return [full]


def _pid_file(name: str) -> Path:
    return RUN_DIR / f"{name}.pid"


def _pid(file: Path) -> int | None:
    """The living process that a file names."""
    with suppress(OSError, ValueError):
        pid = int(file.read_text())
        os.kill(pid, 0)
        return pid
    return None


def _wait_until_gone(name: str) -> None:
    deadline = time.monotonic() + STOP_S
    while _pid(_pid_file(name)):
        if time.monotonic() > deadline:
            raise SandboxTrouble(f"{name} did not stop within {STOP_S:.0f} s: see {_log(name)}")
        time.sleep(POLL_S)


def _wait_until_it_serves(name: str) -> None:
    """A process is not enough: it may end before it serves."""
    deadline, lived = time.monotonic() + START_S, False
    while not ((lives := bool(_pid(_pid_file(name)))) and (RUN_DIR / f"{name}.ready").exists()):
        if lived and not lives:
            raise SandboxTrouble(f"{name} ended before it served: {_last_line(name)}")
        if time.monotonic() > deadline:
            raise SandboxTrouble(f"{name} did not serve within {START_S:.0f} s: {_last_line(name)}")
        lived = lives
        time.sleep(POLL_S)


def _last_line(name: str) -> str:
    lines = tail(_log(name))
    return f"{lines[-1]} ({_log(name)})" if lines else f"{_log(name)} says nothing"


def _log(name: str) -> Path:
    return LOG_DIR / f"{name}.log"
