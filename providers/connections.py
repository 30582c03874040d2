"""How do connections to upstreams come about, and which are dead already? Pools, name look-ups, reuse."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from weakref import WeakKeyDictionary, WeakSet

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import Connection

IDLE_S: Final = 30  # shorter than the servers' limits (60 s and more): a reused connection is rarely a dead one
READ_BUFFER: Final = 64 * 1024
LOOKUPS_AT_ONCE: Final = 32  # each host is looked up once at a time: so many hosts may have a slow name server

Sessions = WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession]
_pooled: Sessions = WeakKeyDictionary()
_single: Sessions = WeakKeyDictionary()  # whose connections serve one call only
_lookups: Final = ThreadPoolExecutor(LOOKUPS_AT_ONCE, "dns")
_used: Final[WeakSet[Any]] = WeakSet()  # connections that have carried a call


class DeadConnection(aiohttp.ClientConnectionError):
    """A connection that had served before gave no answer to this call: the server had let go of it while it was idle,
    or what came is the rest of the answer before (no HTTP), which says nothing of this one."""


class _Response(aiohttp.ClientResponse):
    """Tells a connection that was dead from one that broke."""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        protocol = connection.protocol
        reused = protocol in _used
        _used.add(protocol)
        if reused and getattr(protocol, "_buffer", None):  # an answer to nobody came while it was idle: not ours
            connection.close()
            raise DeadConnection
        try:
            return await super().start(connection)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientResponseError) as exc:
            if reused:
                raise DeadConnection from exc
            raise


class _Resolver(AbstractResolver):
    """The system's own look-up (so that /etc/hosts, container networks and .local hold), in threads of its own: a slow
    name server keeps neither the event loop nor anybody else's threads."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(_lookups, _looked_up, host, port, family)
        numeric = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=proto, flags=numeric)
            for kind, proto, address in found
        ]

    async def close(self) -> None:
        """The threads are everybody's."""


def _looked_up(host: str, port: int, family: int) -> list[tuple[int, int, str]]:
    """Kind, protocol and numeric address of each; with its zone where a link-local address needs it."""
    rows = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [(kind, proto, _numeric(address)) for kind, _, proto, _, address in rows]


def _numeric(address: tuple[Any, ...]) -> str:
    if len(address) == 4 and address[3]:
        return socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]
    return str(address[0])


def session(fresh: bool = False) -> aiohttp.ClientSession:
    """This event loop's client and pool of connections; `fresh`: the one that never reuses any."""
    sessions = _single if fresh else _pooled
    loop = asyncio.get_running_loop()
    found = sessions.get(loop)
    if found is None or found.closed:
        found = sessions[loop] = _new_session(fresh)
    return found


async def close() -> None:
    """Close this event loop's connections."""
    loop = asyncio.get_running_loop()
    for sessions in (_pooled, _single):
        found = sessions.pop(loop, None)
        if found is not None:
            await found.close()


def _new_session(fresh: bool) -> aiohttp.ClientSession:
    keep = None if fresh else IDLE_S
    connector = aiohttp.TCPConnector(
        limit=0, force_close=fresh, keepalive_timeout=keep, ttl_dns_cache=30, resolver=_Resolver()
    )
    return aiohttp.ClientSession(
        connector=connector,
        response_class=_Response,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        read_bufsize=READ_BUFFER,
        headers={"accept-encoding": "identity", "user-agent": "NeuroRoute"},
        skip_auto_headers=("content-type",),
    )


_timeouts: dict[float, aiohttp.ClientTimeout] = {}


def connect_timeout(connect_s: float) -> aiohttp.ClientTimeout:
    """From the look-up of the name to the end of the TLS handshake. `Patience` keeps all other phases."""
    found = _timeouts.get(connect_s)
    if found is None:
        found = _timeouts[connect_s] = aiohttp.ClientTimeout(total=None, connect=connect_s)
    return found
