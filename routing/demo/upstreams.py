"""Who answers the sample traffic? Sandboxes on ports of their own, with the sandbox's models and prices."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import structs

from providers.found import FoundModel
from providers.sandbox.app import SandboxApp
from providers.sandbox.roster import MODELS
from providers.sandbox.script import Rates
from providers.sandbox.server import bind, serve
from providers.sandbox.wires import wire

PACE: Final = 0.5  # of the models' usual times
MARK: Final = "demo:"  # an operator's names have no colon
PLAYED: Final[Mapping[str, tuple[str, ...]]] = {  # few free ones: what costs nothing would answer nearly all
    "openai": ("sandbox-large", "sandbox-mini", "sandbox-flash"),
    "anthropic": ("sandbox-large", "sandbox-coder", "sandbox-vision"),
    "ollama": ("sandbox-local-8b",),
}
UNPRICED: Final = "sandbox-vision"  # the model whose price nobody has entered
SOMETIMES: Final = {"503": 0.012, "429": 0.008, "cut_mid": 0.008, "500": 0.006}
DOWN: Final = {"503": 1.0}


class Upstream:
    """One provider: its port is taken at once, so that its address is known; it answers while `play` runs."""

    def __init__(self, wire_name: str, host: str) -> None:
        self.wire = wire_name
        self.name = MARK + wire_name
        self._app = SandboxApp(wire_name, pace=PACE)
        self._sock = bind(host, 0)
        shown = f"[{host}]" if ":" in host else host
        self.base_url = f"http://{shown}:{self._sock.getsockname()[1]}{wire(wire_name).base_path}"
        self.falter(down=False)

    @property
    def models(self) -> Sequence[FoundModel]:
        """What it offers, under names that are nobody else's."""
        return [_named(model) for model in MODELS[self.wire] if model.upstream_model in PLAYED[self.wire]]

    def falter(self, *, down: bool) -> None:
        """From now on every call fails, or one now and then."""
        self._app.script.set_rates(Rates(DOWN if down else SOMETIMES, seed=len(self.wire)))

    async def play(self, until: asyncio.Event) -> None:
        """Answer until told to end."""
        await serve(self._app, self._sock, until.wait)

    def close(self) -> None:
        self._sock.close()


def upstreams(host: str) -> list[Upstream]:
    """All of them."""
    return [Upstream(name, host) for name in PLAYED]


def _named(model: FoundModel) -> FoundModel:
    name = MARK + model.upstream_model.removeprefix("sandbox-")
    if model.upstream_model == UNPRICED:
        return structs.replace(model, name=name, input_price=None, output_price=None, cached_input_price=None)
    return structs.replace(model, name=name)
