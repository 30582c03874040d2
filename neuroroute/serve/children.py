"""Which processes make up an installation, and with which command line each."""

import sys
from typing import Final

from django.conf import settings

from neuroroute.serve.child import Child

MANAGE: Final = [sys.executable, "manage.py"]
CELERY: Final = [sys.executable, "-m", "celery", "-A", "neuroroute", "--skip-checks"]
# Streams that run get this long to finish; then the web server cuts them off.
WEB_GRACE_S: Final = 15


def part(name: str) -> Child:
    """One of the parts that every installation has: web, ship, worker, beat."""
    return {"web": web, "ship": ship, "worker": worker, "beat": beat}[name]()


def web() -> Child:
    """The web server. Its end comes first: nothing new is let in."""
    argv = [sys.executable, "-m", "uvicorn", "neuroroute.asgi:application", "--lifespan", "on"]
    argv += ["--host", settings.HOST, "--port", str(settings.PORT), "--workers", str(settings.WEB_WORKERS)]
    argv += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--no-server-header"]
    argv += ["--timeout-graceful-shutdown", str(WEB_GRACE_S)]
    return Child("web", argv, rank=1, grace_s=WEB_GRACE_S + 5)


def ship() -> Child:
    """Moves the journal into the database; ends after the web server, so that nothing is left in the journal."""
    return Child("ship", [*MANAGE, "ship"], rank=2, grace_s=15)


def worker() -> Child:
    """Runs the jobs. Only hints travel by Celery, so a job that is cut off runs again."""
    return Child("worker", [*CELERY, "worker", "--without-gossip", "--without-mingle"], rank=2, grace_s=10)


def beat() -> Child:
    """Says when a job is due."""
    return Child("beat", [*CELERY, "beat", "--pidfile="], rank=2, grace_s=5)


def sandbox(wire: str, port: int) -> Child:
    """One provider of the sandbox: a person may stop it to see a failover, so it does not start again by itself."""
    name = f"sandbox-{wire}"
    argv = [sys.executable, "-m", "providers.sandbox", "--wire", wire, "--port", str(port)]
    return Child(name, argv, rank=2, grace_s=2, restart=False, hint=f"{_python()} manage.py sandbox start {name}")


def _python() -> str:
    return ".venv/bin/python" if ".venv" in sys.executable else "python"
