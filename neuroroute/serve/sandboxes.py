"""How is a sandbox provider stopped and started while NeuroRoute runs? Through its supervisor, which owns it."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from neuroroute.places import RUN_DIR
from neuroroute.serve.running import supervisor_pid
from providers.sandbox.offer import DEMO

PREFIX: Final = "sandbox-"
PATIENCE_S: Final = 5.0
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
            _wait(each, runs=False)
        yield f"{each}: stopped"


def start(name: str | None) -> Iterator[str]:
    """Ask the supervisor to start them and wait until they run."""
    supervisor = supervisor_pid()
    if not supervisor:
        raise SandboxTrouble("no NeuroRoute runs here: `make run` starts it, with its sandbox when it needs one")
    for each in _names(name):
        if not _pid(_pid_file(each)):
            (RUN_DIR / f"{each}.start").touch()
            os.kill(supervisor, signal.SIGUSR1)
            _wait(each, runs=True)
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


def _wait(name: str, *, runs: bool) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while bool(_pid(_pid_file(name))) != runs:
        if time.monotonic() > deadline:
            did_not = "did not start" if runs else "did not stop"
            raise SandboxTrouble(f"{name} {did_not} within {PATIENCE_S:.0f} s: see var/log/{name}.log")
        time.sleep(POLL_S)
