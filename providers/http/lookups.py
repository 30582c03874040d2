"""Which addresses has an upstream's host? The system's own look-up, kept for a while, and never on the event loop."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Final

from aiohappyeyeballs import AddrInfoType
from msgspec import Struct

KEPT_S: Final = 30
AT_ONCE: Final = 32  # each host is looked up once at a time: so many hosts may have a slow name server

_threads: Final = ThreadPoolExecutor(AT_ONCE, "dns")  # nobody else's wait for them
_Key = tuple[str, int]


class _Found(Struct):
    until: float  # `loop.time()` seconds
    rows: list[AddrInfoType]


class Lookups:
    """For one event loop. /etc/hosts, container networks and .local hold, as the system sees them."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._found: dict[_Key, _Found] = {}
        self._running: dict[_Key, asyncio.Task[list[AddrInfoType]]] = {}

    async def addresses(self, host: str, port: int) -> list[AddrInfoType]:
        """Rows of `socket.getaddrinfo`, beginning with another one each time; raises `OSError`, `UnicodeError`."""
        key = (host, port)
        found = self._found.get(key)
        if found is not None and found.until > self._loop.time():
            found.rows.append(found.rows.pop(0))
            return found.rows.copy()
        if _is_numeric(host):
            return _look_up(
                host, port, flags=socket.AI_NUMERICHOST
            )  # ::1 too where IPv4 alone goes beyond this machine
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = self._loop.create_task(self._look_up(key))
            running.add_done_callback(lambda task: self._done(key, task))
        return await asyncio.shield(running)  # those who wait for it may leave; it goes on for the others

    async def _look_up(self, key: _Key) -> list[AddrInfoType]:
        rows = await self._loop.run_in_executor(_threads, _look_up, *key)
        self._found[key] = _Found(self._loop.time() + KEPT_S, rows)
        return rows.copy()

    def _done(self, key: _Key, task: asyncio.Task[list[AddrInfoType]]) -> None:
        del self._running[key]
        if not task.cancelled():
            task.exception()  # seen, even where everybody has left


def _look_up(host: str, port: int, flags: int = socket.AI_ADDRCONFIG) -> list[AddrInfoType]:
    rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    if not rows:
        raise socket.gaierror(socket.EAI_NONAME, "no address")
    return list(rows)


def _is_numeric(host: str) -> bool:
    """Whether nobody has to be asked for it."""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
