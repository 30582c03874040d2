"""A gateway before upstreams of three wire formats, and Anthropic's own client of it."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import anthropic
import pytest

from providers.sandbox.testing import Sandbox
from tests.gateway.conftest import provider
from tests.gateway.gateway import Gateway
from tests.gateway.messages.asking import MODELS, PAIRS, SKILLS


@pytest.fixture(scope="module")
def up(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A gateway with an upstream per wire format, and models that two of them serve, Anthropic's first."""
    with Sandbox.start("anthropic") as claude, Sandbox.start("openai") as gpt, Sandbox.start("ollama") as llama:
        gateway = Gateway.made_from(migrated, tmp_path_factory.mktemp("messages"))
        providers = [
            provider("anthropic", claude, model="claude", capabilities=SKILLS),
            provider("openai", gpt, model="gpt", capabilities=SKILLS),
            provider("ollama", llama, model="llama", capabilities=SKILLS),
        ]
        for pair in PAIRS:  # providers of its own, so that nobody's failures throttle another's
            for sandbox in (claude, gpt):
                name = f"{sandbox.wire}-{pair}"
                providers.append(provider(name, sandbox, model=pair, upstream_model="shared", capabilities=SKILLS))
        order = [f"{wire}-{pair}/{pair}" for pair in PAIRS for wire in ("anthropic", "openai")]
        gateway.apply(
            {
                "providers": providers,
                "policies": [{"name": "claude-first", "kind": "ordered", "order": order}],
                "tenants": [{"name": "team", "keys": [{"name": "ci"}], "default_policy": "claude-first"}],
            }
        )
        yield SimpleNamespace(gateway=gateway.start(), claude=claude, gpt=gpt, llama=llama, pairs=iter(PAIRS[1:]))
        gateway.stop()


@pytest.fixture(autouse=True)
def _fresh(up) -> None:
    for sandbox in (up.claude, up.gpt, up.llama):
        sandbox.reset()


@pytest.fixture
def pair(up) -> str:
    """A model at two upstreams that nobody has seen failing yet."""
    return next(up.pairs)


@pytest.fixture
def client(up) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        base_url=up.gateway.url, api_key=up.gateway.key, max_retries=0, _strict_response_validation=True
    ) as made:
        yield made


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)
