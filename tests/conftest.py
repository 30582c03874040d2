"""What every test may use: services of its own where they can be reached, a browser where one is found."""

import gc
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker
from whitenoise.middleware import WhiteNoiseMiddleware
from xdist.scheduler import LoadFileScheduling

from providers.sandbox.certificates import Authority
from routing.runtime import runtime
from tests.browsers import Chromium
from tests.gateway.gateway import manage
from tests.halves import HALVES, Services, browser_path, open_services
from tests.prepared import DATABASE, prepared, taking_back

LONG = (
    "faults",
    "drill",
    "gateway",
    "messages",
    "responses",
    "run",
    "jobs",
    "usage",
    "tenants",
    "web",
)  # the longest first
DRILL = "tests/drill/"
FIXTURE_TO_HALF = {"services": "services", "chromium": "browser"}


@pytest.fixture(scope="session", autouse=True)
def one_trusted_authority(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nobody out there is called, so each of the thousands of clients need not read the 140 certificates of the web."""
    os.environ["SSL_CERT_FILE"] = str(Authority(tmp_path_factory.mktemp("trusted")).trusted)


@pytest.fixture(scope="session", autouse=True)
def static_files_found_once() -> Iterator[None]:
    """Each client of a test has middleware of its own, which would look for the same 230 files again."""
    find, found = WhiteNoiseMiddleware.add_files_from_finders, {}

    def find_once(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            find(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(WhiteNoiseMiddleware, "add_files_from_finders", find_once)
        yield


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated installation to copy from."""
    var = tmp_path_factory.mktemp("migrated")
    shutil.copy(prepared(manage), var / DATABASE)
    return var


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Whether the database of the tests is there before they begin; it goes with the run's directory."""
    return bool(settings.EMBEDDED)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None, django_db_keepdb: bool) -> None:
    if django_db_keepdb:
        shutil.copy(prepared(manage), connection.settings_dict["TEST"]["NAME"])


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """What a test with real transactions leaves is taken back, in a tenth of the time that emptying tables takes."""
    with django_db_blocker.unblock():
        take_back = taking_back(connection)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(TransactionTestCase, "_fixture_teardown", lambda case: take_back())
        yield


@pytest.fixture
def own_var(settings: Any, tmp_path: Path) -> Path:
    """A VAR_DIR of this test alone: what it journals and nobody ships is no backlog of the tests after it."""
    runtime()  # its journal belongs to the whole run
    settings.VAR_DIR = tmp_path
    return tmp_path


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """PostgreSQL, Redis and RabbitMQ with a database, key prefix and virtual host of this run, dropped at its end."""
    with open_services() as opened:
        if isinstance(opened, str):
            pytest.skip(opened)
        yield opened


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """A browser that all tests of this process share."""
    path = browser_path()
    if path is None:
        pytest.skip("no Chromium found: install chromium, or set CHROMIUM to its path")
    with closing(Chromium(path)) as shared:
        yield shared


def pytest_configure(config: pytest.Config) -> None:
    """A run that must have a half of the suite (REQUIRED_HALVES names it) ends where that cannot run."""
    for half in os.environ.get("REQUIRED_HALVES", "").split():
        if why_not := HALVES[half]():
            raise pytest.UsageError(f"REQUIRED_HALVES: the {half} half cannot run here: {why_not}")
    for half in HALVES:
        config.addinivalue_line("markers", f"{half}: belongs to the {half} half of the suite")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """One process takes a whole file; all of the drill, for whoever has a part of it plays it from beginning to end."""
    return ByFileAndDrill(config, log) if config.getoption("dist") == "loadfile" else None


class ByFileAndDrill(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return DRILL if nodeid.startswith(DRILL) else str(super()._split_scope(nodeid))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark a test by the half it belongs to, so that the summary can count what really ran; those that start processes
    and wait for them come first, then those that open a browser, so that a run does not end with one worker waiting."""
    items.sort(key=_place)
    for item in items:
        for fixture in set(getattr(item, "fixturenames", ())) & FIXTURE_TO_HALF.keys():
            item.add_marker(FIXTURE_TO_HALF[fixture])
        if not any(half in item.keywords for half in HALVES):
            item.add_marker("embedded")


def _place(item: pytest.Item) -> tuple[int, bool]:
    """When a test comes, those of its file with the first of them."""
    part = item.path.parent.name
    return LONG.index(part) if part in LONG else len(LONG), "chromium" not in getattr(item, "fixturenames", ())


def pytest_collection_finish() -> None:
    """What is loaded by now stays: not to look through it at each collection of garbage saves a tenth of the time."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which halves of the suite ran, and why one did not."""
    calls = [report for key in ("passed", "failed") for report in terminalreporter.stats.get(key, [])]
    terminalreporter.section("halves")
    for half, why_not in HALVES.items():
        ran = sum(half in report.keywords for report in calls if report.when == "call")
        said = f"{ran} tests ran" if ran else f"NOT run: {why_not() or 'no test of it was selected'}"
        terminalreporter.write_line(f"{half}: {said}")


def pytest_unconfigure(config: pytest.Config) -> None:
    if settings.MADE_VAR_DIR:  # who made it outlives its workers, and the runs that its tests start
        shutil.rmtree(settings.VAR_DIR, ignore_errors=True)
