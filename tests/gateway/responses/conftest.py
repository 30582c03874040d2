"""One gateway with sandboxes of every wire behind it, for all tests of Responses."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import openai
import pytest

from providers.sandbox.testing import Sandbox

from ..gateway import Watched
from .asking import WIRES, configuration


@pytest.fixture(scope="session")
def sandboxes() -> Iterator[dict[str, Sandbox]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(Sandbox.start(wire)) for name, wire in WIRES.items()}


@pytest.fixture(scope="session")
def running(
    migrated: Path, tmp_path_factory: pytest.TempPathFactory, sandboxes: dict[str, Sandbox]
) -> Iterator[Watched]:
    gateway = Watched.made_from(migrated, tmp_path_factory.mktemp("responses"))
    gateway.apply(configuration(sandboxes))
    yield gateway.start()
    gateway.stop()


@pytest.fixture
def gateway(running: Watched, sandboxes: dict[str, Sandbox]) -> Iterator[Watched]:
    """What it answers is held against OpenAI's schema."""
    for sandbox in sandboxes.values():
        sandbox.reset()
    yield running
    assert not running.complaints()


@pytest.fixture
def client(gateway: Watched) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, _strict_response_validation=True
    ) as made:
        yield made
