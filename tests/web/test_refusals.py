"""What does a client read at a shut door, and who is never turned away? Over real sockets."""

import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from neuroroute.web.door import Door
from tests.web.serving import serving

CHAT = {"model": "auto", "messages": [{"role": "user", "content": "Hello " * 40_000}]}
SMALL = {"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
WHOLE = HEAD + b"Content-Length: 2\r\n\r\n{}"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"


async def application(scope, receive, send) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture(scope="module")
def door() -> Door:
    return Door()


@pytest.fixture(scope="module")
def client(door) -> Iterator[httpx.Client]:
    with (
        serving(application, door) as (host, port),
        httpx.Client(base_url=f"http://{host}:{port}", timeout=10) as client,
    ):
        yield client


@pytest.fixture(autouse=True)
def shut(door) -> Iterator[None]:
    door.shut = True
    yield
    door.shut = False


@pytest.mark.parametrize("body", [CHAT, SMALL], ids=["in_pieces", "in_one"])
def test_a_refusal_says_when_to_come_again(client, door, body):
    before = door.refused
    for _ in range(2):  # on one connection
        answer = client.post("/v1/chat/completions?x=1", json=body)
        assert answer.status_code == 503 and answer.headers["retry-after"] == "1"
        assert answer.headers["x-should-retry"] == "true"
        assert answer.json()["error"]["code"] == "gateway_overloaded"
    assert door.refused == before + 2


def test_it_has_the_form_that_is_spoken_at_its_address(client):
    answer = client.post("/v1/messages", json=CHAT)
    assert answer.status_code == 503 and answer.json()["error"]["type"] == "overloaded_error"


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/metrics", "/admin/"])
def test_health_and_pages_are_never_refused(client, path):
    assert client.get(path).text == "ok"


def test_the_next_request_on_the_connection_is_answered_when_the_door_is_open(client, door):
    assert client.post("/v1/chat/completions", json=CHAT).status_code == 503
    door.shut = False
    assert client.post("/v1/chat/completions", json=CHAT).text == "ok"


@pytest.mark.parametrize(
    ("sent", "answers", "closes"),
    [
        ([WHOLE], 1, False),
        ([WHOLE, WHOLE], 2, False),
        ([WHOLE + WHOLE], 2, False),
        ([WHOLE, WHOLE.replace(b"{}", b"[]"), WHOLE], 3, False),
        ([WHOLE, WHOLE.replace(b"th: 2", b"th: 4")[:-2] + b"{", b"}  "], 2, False),
        ([WHOLE, WHOLE.replace(b"host: x", b"expect:")], 2, False),
        ([WHOLE[:30], WHOLE[30:]], 1, False),
        ([WHOLE[:-1], WHOLE[-1:] + WHOLE[:20], WHOLE[20:]], 2, False),
        ([CHUNKED, WHOLE], 2, False),
        ([WHOLE.replace(b"host", b"connection: close\r\nhost")], 1, True),
        ([WHOLE.replace(b"host", b"connection: keep-alive\r\nhost"), WHOLE], 2, False),
        ([WHOLE.replace(b"1.1", b"1.0")], 1, True),
    ],
)
def test_each_request_is_refused_once_however_it_comes(client, sent, answers, closes):
    with socket.create_connection((client.base_url.host, client.base_url.port), timeout=2) as connection:
        for piece in sent:
            connection.sendall(piece)
            time.sleep(0.05)  # so that pieces are pieces
        connection.settimeout(0.3)
        got, closed = _read(connection)
    assert got.count(b"HTTP/1.1 503") == got.count(b"gateway_overloaded") == answers and closed == closes


def _read(connection: socket.socket) -> tuple[bytes, bool]:
    """What comes until nothing more does, and whether the connection was closed then."""
    got = b""
    try:
        while piece := connection.recv(65536):
            got += piece
    except TimeoutError:
        return got, False
    return got, True
