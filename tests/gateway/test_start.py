"""A worker whose database is away says so, and serves as soon as it is back."""

import subprocess
import sys

import pytest

from .conftest import two_providers
from .gateway import ROOT, clean_environment


@pytest.fixture
def gateway(make_gateway, primary, fallback):
    made = make_gateway(two_providers(primary, fallback), "--lifespan", "off")
    made.stop()
    return made


def take_away(gateway):
    database = gateway.var / "neuroroute.sqlite3"
    database.rename(gateway.var / "kept")
    database.mkdir()
    return database


def test_without_lifespan_it_answers_503_and_recovers(gateway):
    database = take_away(gateway)
    gateway.start("--lifespan", "off")
    for stream in (False, True):
        refused = gateway.chat("Hello", stream=stream)
        assert refused.status_code == 503, refused.text
        assert refused.json()["error"]["code"] == "not_ready"
    database.rmdir()
    (gateway.var / "kept").rename(database)
    assert gateway.chat("Hello").status_code == 200
    assert gateway.chat("Hello", stream=True).status_code == 200


def test_with_lifespan_it_ends_with_one_clear_line(gateway):
    take_away(gateway)
    command = [sys.executable, "-m", "uvicorn", "neuroroute.asgi:application", "--port", "0"]
    done = subprocess.run(
        command, cwd=ROOT, env=clean_environment(gateway.var), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert "The worker cannot start: unable to open database file" in done.stderr
    assert "Traceback" not in done.stderr
