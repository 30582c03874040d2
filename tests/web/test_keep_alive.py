"""How long does a connection rest? As long as its timer says, since its last answer, refusal or piece of a request."""

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest

from neuroroute.web.door import Door
from tests.web.serving import serving

KEPT_S = 1
ASK = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"


async def application(scope, receive, send) -> None:
    await receive()
    if scope["query_string"]:
        await asyncio.sleep(float(scope["query_string"]))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture(scope="module")
def door() -> Door:
    return Door()


@pytest.fixture
def client(door) -> Iterator[socket.socket]:
    with serving(application, door, timeout_keep_alive=KEPT_S) as address, socket.create_connection(address) as client:
        client.settimeout(20)
        yield client


def asked(client: socket.socket, request: bytes = ASK) -> bytes:
    client.sendall(request)
    return client.recv(65536)[:12]


def closed_after_s(client: socket.socket) -> float:
    began = time.monotonic()
    assert client.recv(1) == b""
    return time.monotonic() - began


def test_a_connection_at_rest_is_closed_and_not_before_its_time(client):
    for _ in range(4):
        assert asked(client) == b"HTTP/1.1 200"
        time.sleep(KEPT_S * 0.6)
    assert asked(client) == b"HTTP/1.1 200"
    assert closed_after_s(client) > KEPT_S * 0.9


def test_who_is_refused_again_and_again_keeps_its_connection(client, door):
    door.shut = True
    try:
        for _ in range(4):
            assert asked(client) == b"HTTP/1.1 503"
            time.sleep(KEPT_S * 0.6)
    finally:
        door.shut = False
    assert asked(client) == b"HTTP/1.1 200"
    assert closed_after_s(client) > KEPT_S * 0.9


def test_an_answer_that_takes_longer_is_not_cut(client):
    assert asked(client) == b"HTTP/1.1 200"
    assert asked(client, ASK.replace(b" HTTP", b"?%d HTTP" % (KEPT_S * 2), 1)) == b"HTTP/1.1 200"
    assert closed_after_s(client) > KEPT_S * 0.9


def test_a_request_that_comes_slowly_is_not_cut(client):
    assert asked(client) == b"HTTP/1.1 200"
    for at in range(0, 40, 10):
        client.sendall(ASK[at : at + 10])
        time.sleep(KEPT_S * 0.6)
    assert asked(client, ASK[40:]) == b"HTTP/1.1 200"
    assert closed_after_s(client) > KEPT_S * 0.9


@pytest.mark.parametrize("before", [b"", ASK], ids=["first", "later"])
@pytest.mark.parametrize("sent", [b"", ASK[:1], ASK[:40], ASK[:-1]], ids=["nothing", "a letter", "a head", "a body"])
def test_a_request_of_which_nothing_more_comes_is_not_waited_for(client, before, sent):
    if before:
        assert asked(client, before) == b"HTTP/1.1 200"
    client.sendall(sent)
    if sent == ASK[:-1]:  # the application has answered what it heard of the body
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
    assert closed_after_s(client) > KEPT_S * 0.9
