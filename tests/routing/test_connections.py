"""Connections to upstreams: kept when the answer was read to its end, closed when it was not."""

import asyncio
from contextlib import aclosing

import pytest

from providers import attempts, http
from providers.http import exchange

from .factories import asked, target

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
EVENT = b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[%s]}\n\n'
TEXT = EVENT % b'{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}'
END = EVENT % b'{"index":0,"delta":{},"finish_reason":"stop"}' + b"data: [DONE]\n\n"
LAST = b"0\r\n\r\n"


class Upstream:
    """Streams one answer per request; `late_s` after its end mark the body ends, or never."""

    def __init__(self, late_s):
        self.late_s = late_s
        self.connections = self.closed = 0

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        host, port = self.server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *exc):
        await http.close()
        self.server.close()
        await self.server.wait_closed()

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().split(b"content-length:")[1].split()[0]))
                for data in (HEAD, chunk(TEXT), chunk(END)):
                    writer.write(data)
                    await writer.drain()
                if self.late_s is not None:
                    await asyncio.sleep(self.late_s)
                    writer.write(LAST)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed += 1
        finally:
            writer.close()


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


async def read(upstream, enough=None):
    """One streamed answer; leaves after `enough` batches."""
    deployment, question = target("a/m", 1, base_url=upstream.url), asked(stream=True)
    batches = attempts.stream(question.request, deployment, deployment.secrets[0], attempts.Marks())
    async with aclosing(batches):
        seen = 0
        async for _ in batches:
            seen += 1
            if seen == enough:
                return


@pytest.mark.parametrize("late_s", [0, 0.05])
async def test_a_stream_whose_body_ends_after_its_end_mark_keeps_its_connection(late_s):
    async with Upstream(late_s) as upstream:
        for _ in range(3):
            await read(upstream)
            await asyncio.sleep(late_s + 0.05)
        assert (upstream.connections, upstream.closed) == (1, 0)


async def test_a_body_that_never_ends_neither_delays_the_client_nor_keeps_its_connection(monkeypatch):
    monkeypatch.setattr(exchange, "LINGER_S", 0.05)
    async with Upstream(None) as upstream:
        await asyncio.wait_for(read(upstream), 5)
        while not upstream.closed:
            await asyncio.sleep(0.01)


async def test_a_client_that_leaves_in_the_middle_closes_the_connection_at_once(monkeypatch):
    monkeypatch.setattr(exchange, "LINGER_S", 3600)
    async with Upstream(None) as upstream:
        await read(upstream, enough=1)
        while not upstream.closed:
            await asyncio.sleep(0.01)
