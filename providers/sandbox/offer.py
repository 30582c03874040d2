"""What the sandbox offers to the catalogue: its providers with their models, in the form of discovery."""

from collections.abc import Mapping
from typing import Final

import msgspec

from providers.found import FoundProvider
from providers.sandbox.roster import MODELS
from providers.sandbox.wires import wire

DEMO: Final = ("anthropic", "ollama", "openai")  # the wires whose providers `make run` plays


def offer(base_urls: Mapping[str, str]) -> list[FoundProvider]:
    """One provider per wire: `base_urls` maps a wire's name to the address that its process listens on."""
    return [_provider(name, address.rstrip("/")) for name, address in sorted(base_urls.items())]


def _provider(name: str, address: str) -> FoundProvider:
    models = tuple(msgspec.structs.replace(model, name=model.upstream_model) for model in MODELS[name])
    local = name == "ollama"
    return FoundProvider(
        f"sandbox-{name}",
        name,
        address + wire(name).base_path,
        source="sandbox",
        secret=None if local else f"sandbox-{name}-key",
        local=local,
        allow_private=True,
        models=models,
    )
