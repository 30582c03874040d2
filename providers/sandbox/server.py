"""How the sandbox listens: uvicorn's HTTP protocol on a socket of ours, without uvicorn's slow and polite shutdown."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from providers.sandbox.app import TRANSPORT, SandboxApp
from providers.sandbox.delivery import Line

KEEP_ALIVE_S = 75
BACKLOG = 1024


class SandboxProtocol(HttpToolsProtocol):
    """Shows the app its connection, so that it can cut it, and logs no access: `CallLog` does."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.access_log = False
        self.served = 0  # calls before this one

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: {"line": Line(self.transport, self.served)}}
        self.served += 1


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 lets the system choose. Raises `OSError` where the port is taken."""
    sock = socket.create_server((host, port), backlog=BACKLOG)
    sock.setblocking(False)
    return sock


def inherit(descriptor: int) -> socket.socket:
    """The same on a socket that has its address from our parent. Raises `OSError` where there is none."""
    sock = socket.socket(fileno=descriptor)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of its last life may still be closing
    sock.listen(BACKLOG)
    sock.setblocking(False)
    return sock


def tls_of(certificate: Path | None) -> ssl.SSLContext | None:
    """How to speak TLS with the key and the certificate in that file; None: in the clear."""
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def serve(
    app: SandboxApp,
    sock: socket.socket,
    until: Callable[[], Awaitable[object]],
    tls: ssl.SSLContext | None = None,
) -> None:
    """Answer on `sock` until `until()` returns, then tear every connection down."""
    config = Config(app, interface="asgi3", ws="none", lifespan="off", log_config=None)
    config.timeout_keep_alive = KEEP_ALIVE_S
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SandboxProtocol(config, state, {}, loop), sock=sock, ssl=tls)
    try:
        await until()
    finally:
        server.close()
        await _tear_down(state)


async def _tear_down(state: ServerState) -> None:
    for connection in list(state.connections):
        connection.transport.abort()
    tasks = list(state.tasks)
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)
