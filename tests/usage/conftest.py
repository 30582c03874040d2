"""A database of the test's own, of both kinds, that other processes can open too; a spool beside it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connections
from django.db.utils import ConnectionHandler
from environ import Env
from pytest_django import DjangoDbBlocker

from neuroroute.settings import SQLITE_OPTIONS
from tenants.models import Budget, BudgetLease, BudgetWindow, Tenant
from tests.halves import Services
from tests.usage.stories import journal, stories
from usage.outcomes import Outcome
from usage.shipper import Shipper

ROOT = Path(__file__).resolve().parents[2]
NEVER_CHANGED = {"sqlite": "PRAGMA query_only = 1", "postgresql": "SET default_transaction_read_only = on"}
POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.services)


@dataclass
class Place:
    """Where a test's outcomes go: `spool`, then the database at `url`."""

    url: str
    var: Path
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def spool(self) -> Path:
        return self.var / "spool"

    def start(self, *command: str) -> "subprocess.Popen[str]":
        """Start Python in a process of its own, on this place."""
        environment = {
            **os.environ,
            "ENV_FILE": os.devnull,
            "VAR_DIR": str(self.var),
            "DATABASE_URL": self.url,
            "DJANGO_SETTINGS_MODULE": "neuroroute.settings",
            "PROMETHEUS_MULTIPROC_DIR": str(self.var / "metrics"),
        }
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.processes.append(process)
        return process

    def run(self, *command: str) -> str:
        """Run Python to its end; return what it printed."""
        process = self.start(*command)
        said, _ = process.communicate(timeout=100)
        assert process.returncode == 0, said
        return said


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A spool, without a database."""
    (tmp_path / "metrics").mkdir()
    place = Place("", tmp_path)
    yield place
    for process in place.processes:
        with process:
            process.kill()


@pytest.fixture(scope="session")
def sqlite_url(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('usage') / 'usage.sqlite3'}"
    _migrate(url, django_db_blocker)
    return url


@pytest.fixture(scope="session")
def postgresql_url(services: Services, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    with _own_postgresql(services, "usage", django_db_blocker) as url:
        yield url


@pytest.fixture(scope="session")
def outcomes() -> list[Outcome]:
    return stories(800)


@pytest.fixture(scope="session")
def sqlite_told_url(
    outcomes: list[Outcome], tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> str:
    var = tmp_path_factory.mktemp("told")
    url = f"sqlite:///{var / 'told.sqlite3'}"
    _migrate(url, django_db_blocker)
    _tell(url, outcomes, var, django_db_blocker)
    return url


@pytest.fixture(scope="session")
def postgresql_told_url(
    services: Services,
    outcomes: list[Outcome],
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[str]:
    with _own_postgresql(services, "told", django_db_blocker) as url:
        _tell(url, outcomes, tmp_path_factory.mktemp("told"), django_db_blocker)
        yield url


@pytest.fixture(params=["sqlite", POSTGRESQL])
def database(request: pytest.FixtureRequest, place: Place, django_db_blocker: DjangoDbBlocker) -> Iterator[Place]:
    """An empty, migrated database, used by this thread's ORM and by the processes that `place` starts."""
    place.url = request.getfixturevalue(f"{request.param}_url")
    yield from _used(place, django_db_blocker)


@pytest.fixture(params=["sqlite", POSTGRESQL])
def telling(request: pytest.FixtureRequest, place: Place, django_db_blocker: DjangoDbBlocker) -> Iterator[Place]:
    """A database that holds what is `told` and cannot be changed, for all tests to read."""
    place.url = request.getfixturevalue(f"{request.param}_told_url")
    place.spool.mkdir()
    with _asked(place.url, django_db_blocker):
        with connections["default"].cursor() as cursor:
            cursor.execute(NEVER_CHANGED[connections["default"].vendor])
        yield place


@pytest.fixture
def told(telling: Place, outcomes: list[Outcome]) -> list[Outcome]:
    """800 outcomes of thirty hours, shipped."""
    return outcomes


@pytest.fixture
def postgresql(place: Place, postgresql_url: str, django_db_blocker: DjangoDbBlocker) -> Iterator[Place]:
    place.url = postgresql_url
    yield from _used(place, django_db_blocker)


@pytest.fixture
def switch() -> Iterator[Callable[[str], None]]:
    """Point this thread's ORM at another database; back again afterwards."""
    before = connections["default"]

    def to(url: str) -> None:
        connections["default"] = _connect(url)

    yield to
    connections["default"].close()
    connections["default"] = before


def _used(place: Place, blocker: DjangoDbBlocker) -> Iterator[Place]:
    with _asked(place.url, blocker):
        _empty()
        yield place


@contextmanager
def _own_postgresql(services: Services, word: str, blocker: DjangoDbBlocker) -> Iterator[str]:
    """A migrated database beside that of the run, with this word at the end of its name."""
    server, _, name = services.database_url.rpartition("/")
    own = f"{name}_{word}"
    with closing(psycopg.connect(services.database_url, autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {own}")
        _migrate(f"{server}/{own}", blocker)
        yield f"{server}/{own}"
        connection.execute(f"DROP DATABASE {own} WITH (FORCE)")


def _tell(url: str, outcomes: list[Outcome], var: Path, blocker: DjangoDbBlocker) -> None:
    journal(var / "spool", outcomes)
    with _asked(url, blocker):
        shipper = Shipper(var / "spool")
        while shipper.ship_batch():
            pass


def _migrate(url: str, blocker: DjangoDbBlocker) -> None:
    with _asked(url, blocker):
        for app in ("providers", "usage", "tenants"):
            call_command("migrate", app, verbosity=0)


@contextmanager
def _asked(url: str, blocker: DjangoDbBlocker) -> Iterator[None]:
    """This thread's ORM asks the database at `url`."""
    before = connections["default"]
    connections["default"] = _connect(url)
    with blocker.unblock():
        yield
        connections["default"].close()
    connections["default"] = before


def _connect(url: str) -> object:
    config = Env.db_url_config(url)
    if url.startswith("sqlite"):
        config["OPTIONS"] = SQLITE_OPTIONS
    return ConnectionHandler({"default": config})["default"]


def _empty() -> None:
    with connections["default"].cursor() as cursor:
        for model in (*apps.get_app_config("usage").get_models(), BudgetLease, BudgetWindow, Budget, Tenant):
            cursor.execute(f"DELETE FROM {model._meta.db_table}")
