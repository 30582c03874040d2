"""Which processes make up an installation, and with which command line each."""

import sys
from typing import Final

from django.conf import settings

from neuroroute.serve.child import Child

MANAGE: Final = [sys.executable, "manage.py"]
CELERY: Final = [sys.executable, "-m", "celery", "-A", "neuroroute", "--skip-checks", "--quiet"]
LAST_STEPS_S: Final = 10  # from the last answer to the end of a web worker


def part(name: str) -> list[Child]:
    """One of the parts that every installation has: web, ship, worker, beat."""
    return web() if name == "web" else [{"ship": ship, "worker": worker, "beat": beat}[name]()]


def web() -> list[Child]:
    """The web workers, on one socket. Their end comes first: nothing new is let in."""
    return [_web("web" if number == 1 else f"web-{number}") for number in range(1, settings.WEB_WORKERS + 1)]


def _web(name: str) -> Child:
    argv = [sys.executable, "-m", "neuroroute.web", "--grace", str(settings.GRACE_S)]
    listen = (settings.HOST, settings.PORT, settings.SLOW_CLIENT_S)
    return Child(
        name,
        argv,
        rank=1,
        grace_s=settings.GRACE_S + LAST_STEPS_S,
        log="web",
        listen=listen,
        proxy_socket=settings.PROXY_SOCKET,
    )


def ship() -> Child:
    """Moves the journal into the database; ends after the web server, so that nothing is left in the journal."""
    return Child("ship", [*MANAGE, "ship"], rank=2, grace_s=15)


def worker() -> Child:
    """Runs the jobs. Only hints travel by Celery, so a job that is cut off runs again."""
    return Child("worker", [*CELERY, "worker", "--without-gossip", "--without-mingle"], rank=2, grace_s=10)


def beat() -> Child:
    """Says when a job is due."""
    return Child("beat", [*CELERY, "beat", "--pidfile="], rank=2, grace_s=5)


def sandbox(wire: str, host: str, port: int) -> Child:
    """One provider of the sandbox: a person may stop it to see a failover, so it does not start again by itself."""
    name = f"sandbox-{wire}"
    argv = [sys.executable, "-m", "providers.sandbox", "--wire", wire]
    hint = f"{_python()} manage.py sandbox start {name}"
    return Child(name, argv, rank=2, grace_s=2, restart=False, hint=hint, reserve=(host, port))


def _python() -> str:
    return ".venv/bin/python" if ".venv" in sys.executable else "python"
