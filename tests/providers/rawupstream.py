"""An upstream that says what a test wants, byte by byte, and how a test asks it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import uvloop

from providers import http

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
Run = Callable[[Coroutine[Any, Any, Any]], Any]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Upstream:
    """Answers each call with the next of its scripts; `calls` are the heads that came, by connection."""

    def __init__(self, *scripts: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> None:
        self.scripts = list(scripts)
        self.calls: list[list[bytes]] = []
        self.closed = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine: list[bytes] = []
        self.calls.append(mine)
        try:
            while data := await reader.readuntil(b"\r\n\r\n"):
                mine.append(data)
                length = int(data.partition(b"content-length: ")[2].partition(b"\r\n")[0])
                script = self.scripts.pop(0)
                if script is not unread:
                    await reader.readexactly(length)
                await script(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.closed += 1
            writer.close()


def says(*pieces: bytes, then_close: bool = False) -> Callable[..., Awaitable[None]]:
    """Send these one by one, so that each comes alone."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, piece in enumerate(pieces):
            if number:
                await asyncio.sleep(0.02)
            writer.write(piece)
            await writer.drain()
        if then_close:
            raise ConnectionError

    return script


async def unread(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Refuse without reading the body."""
    writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig")
    await writer.drain()
    await asyncio.sleep(30)


@asynccontextmanager
async def serving(upstream: Upstream) -> AsyncIterator[str]:
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/chat"
    server.close()


async def ask(url: str, body: bytes = b"{}", limit_s: float = 10.0) -> tuple[int, bytes]:
    deadline = asyncio.get_running_loop().time() + limit_s
    async with http.Exchange(url, (("x-own", "1"),), body, 3.0, deadline) as reply:
        return reply.status, await reply.read_all(deadline, 10**8)
