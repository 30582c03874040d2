"""Gateways with sandboxes behind them, over real sockets."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from providers.sandbox.testing import Sandbox

from .gateway import Gateway, Watched

PRICE = {"input": 1, "output": 2}


@pytest.fixture(scope="session")
def primary_process() -> Iterator[Sandbox]:
    with Sandbox.start("openai") as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def fallback_process() -> Iterator[Sandbox]:
    with Sandbox.start("openai") as sandbox:
        yield sandbox


@pytest.fixture
def primary(primary_process: Sandbox) -> Sandbox:
    primary_process.reset()
    return primary_process


@pytest.fixture
def fallback(fallback_process: Sandbox) -> Sandbox:
    fallback_process.reset()
    return fallback_process


@pytest.fixture
def make_gateway(migrated: Path, tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Make, configure and start gateways; all are stopped at the end."""
    made: list[Watched] = []

    def make(configuration: dict[str, Any], *options: str, **env: str) -> Gateway:
        gateway = Watched.made_from(migrated, tmp_path / f"gateway{len(made)}", env)
        made.append(gateway)
        gateway.apply(configuration)
        return gateway.start(*options)

    yield make
    for gateway in made:
        gateway.stop()
    assert not [complaint for gateway in made for complaint in gateway.complaints()]


@pytest.fixture(scope="session")
def shared_gateway(
    migrated: Path, tmp_path_factory: pytest.TempPathFactory, primary_process: Sandbox, fallback_process: Sandbox
) -> Iterator[Watched]:
    gateway = Watched.made_from(migrated, tmp_path_factory.mktemp("gateway"))
    gateway.apply(two_providers(primary_process, fallback_process))
    yield gateway.start()
    gateway.stop()


@pytest.fixture
def gateway(shared_gateway: Watched, primary: Sandbox, fallback: Sandbox) -> Iterator[Gateway]:
    """A gateway with two providers that serve `demo`, `primary` first; after faults its health is forgotten. What it
    answered on OpenAI's routes is held against OpenAI's schema."""
    yield shared_gateway
    assert not shared_gateway.complaints()
    if any(call.fault for sandbox in (primary, fallback) for call in sandbox.calls(chats=True)):
        shared_gateway.rest()


def two_providers(primary: Sandbox, fallback: Sandbox, **tenant: Any) -> dict[str, Any]:
    """`demo` at two providers, in a fixed order, and a tenant with one key."""
    return {
        "providers": [provider("primary", primary), provider("fallback", fallback)],
        "models": [{"name": "demo", "aliases": ["demo-latest"]}],
        "policies": [{"name": "primary-first", "kind": "ordered", "order": ["primary/demo", "fallback/demo"]}],
        "tenants": [{"name": "team", "keys": [{"name": "ci"}], "default_policy": "primary-first", **tenant}],
    }


def provider(name: str, sandbox: Sandbox, **deployment: Any) -> dict[str, Any]:
    """One provider in the configuration file's shape, with one deployment of `demo`."""
    limits = {"connect": 2, "first_byte": 2, "first_token": 2, "stall": 2, "total": 20}
    facts = {"model": "demo", "context": 128000, "price": PRICE, "quality": 0.7, "timeouts": limits, "retries": 1}
    capabilities = {"capabilities": ["tools", "vision", "json_schema", "json_mode"]}
    return {
        "name": name,
        "wire": sandbox.wire,
        "base_url": sandbox.base_url,
        "credential": "sk-upstream-secret-1234",
        "allow_private": True,
        "deployments": [facts | capabilities | deployment],
    }
