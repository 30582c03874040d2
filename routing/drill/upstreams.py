"""How does a drill play an upstream? By the sandbox, on a port of its own, in the drill's event loop."""

import asyncio
import socket
from typing import Final

import msgspec

from providers.sandbox.app import SandboxApp
from providers.sandbox.server import bind, serve
from providers.sandbox.steps import Step
from providers.sandbox.testing import Received
from routing.drill.casting import LONG_RUN, SAYS, Part

WIRE: Final = "openai"


class Upstream:
    """One upstream: its port is taken at once, so that its address is known; it answers while `play` runs."""

    def __init__(self, part: Part, host: str) -> None:
        self._app = SandboxApp(WIRE, pace=0.0, any_model=True)
        self._app.script.add(part.script)
        self._closed = part.closed
        self._sock = _unheard(host) if part.closed else bind(host, 0)
        name = f"[{host}]" if ":" in host else host
        self.base_url = f"http://{name}:{self._sock.getsockname()[1]}/v1"

    async def play(self, until: asyncio.Event) -> None:
        """Answer until told to end."""
        if self._closed:
            await until.wait()
        else:
            await serve(self._app, self._sock, until.wait)

    def fail(self, fault: str | None) -> None:
        """From now on every call fails so; None: every call is answered."""
        self._app.script.reset()
        self._app.script.add([Step(fault=fault) if fault else SAYS] * LONG_RUN)

    @property
    def calls(self) -> list[Received]:
        """The chats that it received."""
        found = msgspec.convert(self._app.calls.rows(), list[Received])
        return [call for call in found if call.method == "POST"]

    @property
    def busy(self) -> bool:
        return self._app.calls.running

    def close(self) -> None:
        self._sock.close()


def _unheard(host: str) -> socket.socket:
    """A port that is taken and that nobody listens at: whoever connects is refused."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.bind((host, 0))
    return sock
