"""What every test may use: services of its own where they can be reached, a browser where one is found."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.halves import HALVES, Services, browser_path, open_services

FIXTURE_TO_HALF = {"services": "services", "chromium": "browser"}


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """PostgreSQL, Redis and RabbitMQ with a database, key prefix and virtual host of this run, dropped at its end."""
    with open_services() as opened:
        if isinstance(opened, str):
            pytest.skip(opened)
        yield opened


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The path of a Chromium for playwright's `executable_path`."""
    path = browser_path()
    if path is None:
        pytest.skip("no Chromium found: install chromium, or set CHROMIUM to its path")
    return path


def pytest_configure(config: pytest.Config) -> None:
    for half in HALVES:
        config.addinivalue_line("markers", f"{half}: belongs to the {half} half of the suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark a test by the half it belongs to, so that the summary can count what really ran."""
    for item in items:
        for fixture in set(getattr(item, "fixturenames", ())) & FIXTURE_TO_HALF.keys():
            item.add_marker(FIXTURE_TO_HALF[fixture])
        if not any(half in item.keywords for half in HALVES):
            item.add_marker("embedded")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which halves of the suite ran, and why one did not."""
    calls = [report for key in ("passed", "failed") for report in terminalreporter.stats.get(key, [])]
    terminalreporter.section("halves")
    for half, why_not in HALVES.items():
        ran = sum(half in report.keywords for report in calls if report.when == "call")
        said = f"{ran} tests ran" if ran else f"NOT run: {why_not() or 'no test of it was selected'}"
        terminalreporter.write_line(f"{half}: {said}")


def pytest_unconfigure() -> None:
    shutil.rmtree(settings.VAR_DIR, ignore_errors=True)
