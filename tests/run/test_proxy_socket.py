"""A proxy on the same machine finds the web workers at a Unix socket, beside their port."""

import json
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from neuroroute.serve.listening import listen_at
from tests.run.installation import Installation, wait_until

CHAT = {"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture(scope="module")
def path() -> Iterator[Path]:
    """Short, as such a path has to be."""
    folder = Path(tempfile.mkdtemp(prefix="nr"))
    yield folder / "web.sock"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def behind(installations: Callable[[], Installation], path: Path) -> Installation:
    made = installations()
    listen_at(str(path)).close()  # as one that was killed leaves it
    made.start(PROXY_SOCKET=str(path))
    return made


@pytest.fixture
def proxy(behind: Installation, path: Path) -> Iterator[httpx.Client]:
    """What a proxy sends."""
    with httpx.Client(
        transport=httpx.HTTPTransport(uds=str(path)), base_url=behind.url, headers=behind.headers, timeout=30
    ) as client:
        yield client


def test_it_answers_whole_and_in_streams(proxy: httpx.Client) -> None:
    answer = proxy.post("/v1/chat/completions", json=CHAT)
    assert answer.status_code == 200 and answer.json()["choices"][0]["message"]["content"]
    with proxy.stream("POST", "/v1/chat/completions", json=CHAT | {"stream": True}) as stream:
        events = [line for line in stream.iter_lines() if line.startswith("data: ")]
    assert events[-1] == "data: [DONE]" and json.loads(events[0][6:])["object"] == "chat.completion.chunk"


def test_the_port_answers_beside_it(behind: Installation, proxy: httpx.Client) -> None:
    assert httpx.get(f"{behind.url}/health").json() == proxy.get("/health").json()


def test_who_asks_is_whom_the_proxy_names(proxy: httpx.Client) -> None:
    """As on the loopback: metrics without a token are for private addresses alone."""
    assert proxy.get("/metrics").status_code == 200
    assert proxy.get("/metrics", headers={"x-forwarded-for": "8.8.8.8"}).status_code == 403


def test_workers_are_replaced_behind_it(behind: Installation, path: Path) -> None:
    behind.run("manage.py", "restart_web", PROXY_SOCKET=str(path))

    def replaced() -> bool:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url=behind.url) as client:
            assert client.get("/health").status_code == 200
        return "every web worker is new" in behind.said

    assert wait_until(replaced), behind.said


def test_a_socket_of_another_program_is_left_alone(installation: Installation, path: Path) -> None:
    taken = str(path.parent / "other.sock")
    with closing(socket.socket(socket.AF_UNIX)) as other:
        other.bind(taken)
        other.listen()
        refused = installation.run("-m", "neuroroute.serve", PROXY_SOCKET=taken)
        assert refused.returncode == 2 and refused.stderr.count("\n") == 1
        assert refused.stderr.startswith(f"PROXY_SOCKET: {taken} cannot be listened on: another program listens there")
    with closing(socket.socket(socket.AF_UNIX)) as client, pytest.raises(ConnectionRefusedError):
        client.connect(taken)  # it is still there


def test_a_file_of_that_name_is_not_lost(installation: Installation, path: Path) -> None:
    file = path.parent / "notes.txt"
    file.write_text("mine")
    refused = installation.run("-m", "neuroroute.serve", PROXY_SOCKET=str(file))
    assert refused.returncode == 2 and refused.stderr.startswith("PROXY_SOCKET: ")
    assert file.read_text() == "mine"


def test_it_goes_with_the_installation(behind: Installation, path: Path) -> None:
    behind.stop(signal.SIGTERM)
    assert not path.exists()
