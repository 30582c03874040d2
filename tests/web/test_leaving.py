"""Does a worker hear that a client has left? Raw bytes over real sockets."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from neuroroute.web.door import Door
from routing.api.lean import read_body
from routing.api.leaving import while_client_stays
from tests.web.serving import serving

begun, ended = threading.Event(), threading.Event()


async def application(scope, receive, send) -> None:
    """Reads the body, then works until its client leaves."""
    await read_body(receive, send, 10**7, scope["path"])

    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    await while_client_stays(scope, receive, work())


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with serving(application, Door()) as address:
        yield address


@pytest.mark.parametrize("pieces", [(2,), (9, 66_000), (9, 100_000), (9, 160_000), (70_000, 200_000)])
def test_a_client_that_leaves_is_heard_however_its_body_came(address, pieces):
    """uvicorn stops to read where much of a body has come that nobody has taken yet."""
    begun.clear(), ended.clear()
    with socket.create_connection(address) as client:
        client.sendall(f"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {sum(pieces)}\r\n\r\n".encode())
        for size in pieces:
            time.sleep(0.1)
            client.sendall(bytes(size))
        assert begun.wait(10)
        assert not ended.is_set()
    assert ended.wait(10)
