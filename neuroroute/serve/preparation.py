"""What happens between start and service: check, migrate, let people in, start the parts, find upstreams."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from neuroroute import places
from neuroroute.environment import local_url
from neuroroute.firstrun import Access, prepare_access
from neuroroute.serve import children
from neuroroute.serve.checks import check_port_free, check_settings
from neuroroute.serve.child import Child
from neuroroute.serve.console import say
from neuroroute.serve.greeting import greeting
from neuroroute.serve.upstreams import find_upstreams

PATIENCE_S: Final = 120.0
POLL_S: Final = 0.05
ADVISORY_LOCK: Final = 7305_2210  # any number that only we use
Start = Callable[[Child], None]


def prepare_part(name: str, start: Start) -> None:
    """One part of an installation whose database `manage.py prepare` has prepared."""
    check_settings()
    for child in children.part(name):
        start(child)


def prepare_database() -> Access:
    """Check, migrate, and make what a person needs to get in."""
    for warning in check_settings():
        say("settings", warning)
    with _one_at_a_time():
        _migrate()
        return prepare_access(url(), places.FIRST_RUN_FILE)


def prepare_all(start: Start, sandbox_ports: Sequence[int]) -> None:
    """Everything on this machine: first what answers, then what may come a little later and would slow that down."""
    check_port_free()
    access = prepare_database()
    for child in children.web():
        start(child)
    upstreams = find_upstreams(start, sandbox_ports)
    ready = _wait_until_ready()
    for child in (children.ship(), children.worker(), children.beat()):
        start(child)
    if ready:
        print(
            greeting(access, places.FIRST_RUN_FILE, places.LOG_DIR, upstreams, show_secrets=settings.DEMO), flush=True
        )
    else:
        say("web", f"does not answer after {PATIENCE_S:.0f} s; see {places.LOG_DIR / 'web.log'}")


def url() -> str:
    """Where a person reaches this installation."""
    return settings.PUBLIC_URL or local_url(settings.HOST, settings.PORT)


def _migrate() -> None:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        say("database", f"{len(plan)} migrations to apply")
        call_command("migrate", interactive=False, verbosity=0)
        say("database", "up to date")


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Several machines may start on one database; SQLite's file has one machine, which holds VAR_DIR's lock."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])


def _wait_until_ready() -> bool:
    """Whether the web server answers in time."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if _answers():
            return True
        time.sleep(POLL_S)
    return False


def _answers() -> bool:
    """Whether anything answers HTTP there, whatever it says."""
    try:
        urllib.request.urlopen(f"{local_url(settings.HOST, settings.PORT)}/health", timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
