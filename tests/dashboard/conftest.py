"""A day of traffic in the database, and people who look at it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.test import Client

from tests.dashboard.browsing import signed_in  # noqa: F401 - a fixture of every test here
from tests.dashboard.traffic import day, ship
from tests.people import staff
from usage.outcomes import Outcome


@pytest.fixture
def staff_client(client: Client, db: None) -> Client:
    client.force_login(staff("ana", "every tenant"))
    return client


@pytest.fixture
def traffic(db: None, tmp_path: Path) -> list[Outcome]:
    """150 requests over the last day, shipped; the newest a minute old."""
    told = day(datetime.now(UTC) - timedelta(minutes=1), 150, hours=23)
    ship(told, tmp_path / "spool")
    return told
