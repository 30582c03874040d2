"""One drill for all tests of scenarios: from its page through a real gateway, at a tenth of the real times."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import console
from tests.drill.onpage import Played, play
from tests.gateway.gateway import Gateway, clean_environment


@pytest.fixture(scope="session")
def installation(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated installation without a provider."""
    return Gateway.made_from(migrated, tmp_path_factory.mktemp("drilled")).var


@pytest.fixture(scope="session")
def gateway(installation: Path) -> Iterator[Gateway]:
    """Its gateway, which the drill is to use."""
    gateway = Gateway(installation)
    gateway.env |= {"GATEWAY_URL": gateway.url, "STREAM_HEADERS_AFTER_S": "1", "KEEP_ALIVE_S": "1"}
    yield gateway.start()
    gateway.stop()


@pytest.fixture(scope="session")
def played(gateway: Gateway) -> Played:
    """The drill, and what its page showed of it."""
    return play(gateway)


@pytest.fixture(scope="session")
def scores(played: Played) -> dict[str, dict]:
    """What each scenario came to."""
    return {score["scenario"]: score for score in played.scores}


def drill(gateway: Gateway, *options: str) -> list[dict]:
    """Run `manage.py drill`, whatever its exit code."""
    done = command(gateway, "--json", *options)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert done.returncode == (0 if all(score["passed"] for score in found) else 1), done.stderr
    return list(found)


def command(gateway: Gateway, *options: str) -> console.Done:
    """`manage.py drill` in that installation."""
    return console.command(clean_environment(gateway.var, gateway.env), "drill", *options)
