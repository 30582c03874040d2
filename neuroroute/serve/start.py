"""How does an installation start? Lock it, make the secrets that are missing, and supervise what `prepare` names."""

import argparse
import asyncio
import fcntl
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from neuroroute.environment import SettingError
from neuroroute.places import BASE_DIR, RUN_DIR, SECRETS_FILE, VAR_DIR, env
from neuroroute.serve.console import say
from neuroroute.serve.missing_secrets import make_missing
from neuroroute.serve.sockets import LOOPBACK, Sockets
from neuroroute.serve.supervisor import Supervisor
from neuroroute.serve.undertaker import Undertaker
from providers.sandbox.offer import DEMO

PARTS = ("web", "ship", "worker", "beat")
FIRST_SANDBOX_PORT: Final = 9101
DRAIN_S = env.number("DRAIN_S", 0, 0, 600)


def serve(argv: Sequence[str]) -> int:
    """Run until a signal asks for the end; return the exit code. Raises `SettingError` for what cannot work."""
    parser = argparse.ArgumentParser(prog="manage.py serve", description="Run NeuroRoute: all of it, or one part.")
    parser.add_argument("--only", choices=PARTS, help="one part of an installation that is spread over containers")
    only: str | None = parser.parse_args(argv).only
    with _lock(f"serve-{only}.lock" if only else "serve.lock"):
        return _serve_locked(only)


def _serve_locked(only: str | None) -> int:
    if not only and (made := make_missing(SECRETS_FILE)):
        say("serve", f"made {', '.join(made)} in {SECRETS_FILE}")
    os.chdir(BASE_DIR)
    undertaker = Undertaker()
    sockets = Sockets()
    supervisor = Supervisor(undertaker, sockets, to_files=only is None, drain_s=DRAIN_S)
    options = ["--only", only] if only else _sandbox_ports(sockets)
    try:
        return asyncio.run(supervisor.run([sys.executable, "manage.py", "prepare", *options]))
    finally:
        undertaker.dismiss()


def _sandbox_ports(sockets: Sockets) -> list[str]:
    """Ours before anybody is told of them: another installation that starts at the same time gets others."""
    return ["--sandbox-ports", *map(str, sockets.reserve(LOOPBACK, FIRST_SANDBOX_PORT, len(DEMO)))]


@contextmanager
def _lock(name: str) -> Iterator[None]:
    """Hold this VAR_DIR; the lock goes with the process, however that ends."""
    path = RUN_DIR / name
    with open(path, "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise SettingError(
                "VAR_DIR", f"{VAR_DIR} is in use by a NeuroRoute that runs already (pid {file.read().strip()}).", "var2"
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
