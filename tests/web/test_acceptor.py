"""How are connections that come at once shared out? Over real sockets."""

import asyncio
import errno
import socket
from contextlib import ExitStack, closing

import pytest

from neuroroute.serve.listening import listen
from neuroroute.web.acceptor import AT_ONCE, Acceptor


class Taken(asyncio.Protocol):
    """Says who took it, and nothing else."""

    def __init__(self, by: list[str], name: str) -> None:
        self.by, self.name = by, name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.by.append(self.name)
        transport.close()


@pytest.fixture
def sock():
    with closing(listen("127.0.0.1", 0, 30)) as made:
        yield made


async def until(count: int, by: list[str]) -> None:
    async with asyncio.timeout(10):
        while len(by) < count:
            await asyncio.sleep(0.01)


async def test_workers_share_what_comes_at_once(sock):
    by: list[str] = []
    with ExitStack() as clients, closing(sock.dup()) as same:
        for _ in range(100):
            clients.enter_context(socket.create_connection(sock.getsockname()))
        acceptors = [
            Acceptor(sock, lambda: Taken(by, "one")),
            Acceptor(same, lambda: Taken(by, "other")),
        ]
        await until(100, by)
        assert min(by.count("one"), by.count("other")) >= 50 - 2 * AT_ONCE
        for acceptor in acceptors:
            acceptor.close()


async def test_who_is_closed_takes_no_more_and_others_do(sock):
    by: list[str] = []
    with closing(sock.dup()) as same:
        one, other = Acceptor(sock, lambda: Taken(by, "one")), Acceptor(same, lambda: Taken(by, "other"))
        one.close()
        with ExitStack() as clients:
            for _ in range(10):
                clients.enter_context(socket.create_connection(sock.getsockname()))
            await until(10, by)
        assert set(by) == {"other"}
        other.close()


class Full:
    """A listening socket of a process that has no more file descriptors for a while."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.refusals = sock, 1

    def accept(self):
        if self.refusals:
            self.refusals -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return self.sock.accept()

    def fileno(self) -> int:
        return self.sock.fileno()


async def test_without_file_descriptors_it_rests_and_goes_on(sock, monkeypatch):
    monkeypatch.setattr("neuroroute.web.acceptor.REST_S", 0.05)
    by: list[str] = []
    acceptor = Acceptor(Full(sock), lambda: Taken(by, "one"))
    with socket.create_connection(sock.getsockname()):
        await until(1, by)
    acceptor.close()
