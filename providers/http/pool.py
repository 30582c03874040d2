"""Which connection carries a call? One that rests, or else a new one; each event loop has its own."""

import asyncio
import socket
import ssl
from errno import EMFILE, ENFILE
from functools import cache
from typing import Final

import aiohappyeyeballs

from providers.errors import NotAsked, Unreachable, Untrusted
from providers.http.connection import Connection
from providers.http.heads import Origin
from providers.http.lookups import Lookups

IDLE_S: Final = 30  # shorter than the servers' limits (60 s and more): a reused connection is rarely a dead one
NEXT_ADDRESS_S: Final = 0.25  # until a host's next address is tried beside the one before (RFC 8305, 8)


class Pool:
    """The connections of one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lookups = Lookups()
        self._resting: dict[Origin, dict[Connection, None]] = {}  # the last one in is the first one out: others may age
        self._all: set[Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    def rested(self, origin: Origin) -> Connection | None:
        """One that has carried calls before, if any rests."""
        resting = self._resting.get(origin)
        while resting:
            connection, _ = resting.popitem()
            if self._loop.time() - connection.idle_since < IDLE_S:
                return connection
            connection.close()
        return None

    async def opened(self, origin: Origin, connect_s: float) -> Connection:
        """A new one, from the look-up of the name to the end of the TLS handshake within `connect_s`.

        Raises `Unreachable`, `Untrusted`, `NotAsked`, and `TimeoutError`.
        """
        try:
            async with asyncio.timeout(connect_s):
                return await self._open(origin)
        except (TimeoutError, Unreachable):
            raise
        except socket.gaierror as exc:
            raise Unreachable("no connection: the name cannot be resolved") from exc
        except (ssl.SSLError, ssl.CertificateError) as exc:
            raise Untrusted("no connection: TLS failed") from exc
        except OSError as exc:
            if exc.errno in (EMFILE, ENFILE):
                raise NotAsked("this machine has no more sockets for it") from exc
            refused = isinstance(exc, ConnectionRefusedError)
            raise Unreachable(f"no connection: {exc.strerror or 'unknown reason'}", connection_refused=refused) from exc

    async def _open(self, origin: Origin) -> Connection:
        addresses = await self._lookups.addresses(origin.host, origin.port)
        sock = await aiohappyeyeballs.start_connection(
            addresses, happy_eyeballs_delay=NEXT_ADDRESS_S, interleave=1, loop=self._loop
        )
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            _, connection = await self._loop.create_connection(
                lambda: Connection(self.give_back, self._forget, origin), sock=sock
            )
        except BaseException:
            sock.close()
            raise
        if origin.tls:
            await connection.secure(_trust(), origin.name)
        if not connection.lost:  # not before: a connection whose handshake fails does not hear that it is lost
            self._all.add(connection)
        return connection

    def give_back(self, connection: Connection) -> None:
        """Let it rest until the next call, or close it where none may follow."""
        if not connection.reusable:
            connection.close()
            return
        connection.idle_since = self._loop.time()
        self._resting.setdefault(connection.origin, {})[connection] = None
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(IDLE_S, self._sweep)

    def _forget(self, connection: Connection) -> None:
        self._all.discard(connection)
        resting = self._resting.get(connection.origin)
        if resting:
            resting.pop(connection, None)

    def _sweep(self) -> None:
        """Close those that have rested too long, and come again while any rests."""
        self._sweeper = None
        since = self._loop.time() - IDLE_S
        for origin, resting in list(self._resting.items()):
            for connection in [each for each in resting if each.idle_since <= since]:
                del resting[connection]
                connection.close()
            if not resting:
                del self._resting[origin]
        if self._resting:
            self._sweeper = self._loop.call_later(IDLE_S / 4, self._sweep)

    def close(self) -> None:
        """Close all of them, whatever is under way."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self._all):
            connection.close()


_pools: dict[asyncio.AbstractEventLoop, Pool] = {}


def pool(loop: asyncio.AbstractEventLoop) -> Pool:
    """That of the running event loop."""
    found = _pools.get(loop)
    if found is None:
        for other in list(_pools):
            if other.is_closed():  # and nobody closed its pool, which holds it
                _pools.pop(other, None)
        found = _pools[loop] = Pool()
    return found


async def close() -> None:
    """Close this event loop's connections."""
    found = _pools.pop(asyncio.get_running_loop(), None)
    if found is not None:
        found.close()
        await asyncio.sleep(0)  # in which the transports tell their connections


@cache
def _trust() -> ssl.SSLContext:
    """The system's certificates, or those that SSL_CERT_FILE names."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
