"""What every test may use: services of its own where they can be reached, a browser where one is found."""

import os
import shutil
from collections.abc import Generator, Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from pytest_django.plugin import blocking_manager_key

from providers.sandbox.certificates import Authority
from routing.runtime import runtime
from tests.browsers import Chromium
from tests.halves import HALVES, Services, browser_path, open_services

built_in_policies = import_module("routing.migrations.0002_built_in_policies")
LONG = ("faults", "drill", "gateway", "run", "jobs")  # folders, the longest first
FIXTURE_TO_HALF = {"services": "services", "chromium": "browser"}


@pytest.fixture(scope="session", autouse=True)
def one_trusted_authority(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nobody out there is called, so each of the thousands of clients need not read the 140 certificates of the web."""
    os.environ["SSL_CERT_FILE"] = str(Authority(tmp_path_factory.mktemp("trusted")).trusted)


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


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None]:
    """A test with real transactions empties every table; what migrations put there comes back for the next test."""
    yield
    marker = item.get_closest_marker("django_db")
    if nextitem is None:  # the database itself is gone
        return
    if (marker and marker.kwargs.get("transaction")) or "transactional_db" in getattr(item, "fixturenames", ()):
        with item.config.stash[blocking_manager_key].unblock():
            built_in_policies.create(apps, SimpleNamespace(connection=connection))


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
