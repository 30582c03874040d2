"""In how many pieces does an answer leave? Raw bytes over real sockets."""

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest

from neuroroute.web.door import Door
from tests.web.serving import serving

PAUSE_S = 0.3


async def application(scope, receive, send) -> None:
    """Answers as its path says."""
    if scope["method"] == "POST":
        await receive()
    headers: list[tuple[bytes, bytes]] = []
    if scope["path"] in ("/whole", "/waits-before-body"):
        headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 204 if scope["path"] == "/empty" else 200, "headers": headers})
    if scope["path"] == "/waits-before-body":
        await asyncio.sleep(PAUSE_S)
    if scope["path"] == "/breaks":
        raise RuntimeError("broken on purpose, after its head")
    if scope["path"] == "/head-first":
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await asyncio.sleep(PAUSE_S)
    if scope["path"] != "/empty":
        await send({"type": "http.response.body", "body": b"ok"})
    else:
        await send({"type": "http.response.body"})


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with serving(application, Door()) as address:
        yield address


def pieces(address: tuple[str, int], *requests: bytes) -> list[bytes]:
    """What came, read by read, until nothing more does."""
    found = []
    with socket.create_connection(address) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.settimeout(3 * PAUSE_S)
        client.sendall(b"".join(requests))
        try:
            while data := client.recv(65536):
                found.append(data)
                time.sleep(PAUSE_S / 10)  # what left in two pieces has both come by then, and is read as one
        except TimeoutError:
            pass
    return found


def get(path: str, method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode()


def test_a_head_waits_for_its_body(address):
    (whole,) = pieces(address, get("/waits-before-body"))
    assert whole.startswith(b"HTTP/1.1 200 OK\r\n") and whole.endswith(b"\r\n\r\nok")


def test_a_head_that_is_told_to_go_first_goes_first(address):
    head, rest = pieces(address, get("/head-first"))
    assert head.endswith(b"\r\n\r\n") and rest == b"2\r\nok\r\n0\r\n\r\n"


@pytest.mark.parametrize(("path", "method"), [("/whole", "HEAD"), ("/empty", "GET")])
def test_an_answer_without_a_body_leaves_too(address, path, method):
    whole = b"".join(pieces(address, get(path, method), get("/whole")))
    first, _, second = whole.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 20") and second.startswith(b"HTTP/1.1 200 OK\r\n") and second.endswith(b"ok")


def test_a_head_leaves_even_where_its_body_fails(address):
    whole = b"".join(pieces(address, get("/breaks")))
    assert whole.startswith(b"HTTP/1.1 200 OK\r\n") and whole.endswith(b"\r\n\r\n")


def test_a_body_that_is_awaited_is_asked_for_at_once(address):
    asked = b"POST /whole HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n{}"
    whole = b"".join(pieces(address, asked))
    assert whole.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n") and whole.endswith(b"ok")
