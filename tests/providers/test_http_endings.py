"""How does an answer end? A reset, and an end of TLS without its goodbye, are not the end of a body; on both loops."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

from providers.errors import ProviderError, Unreachable, Untrusted
from providers.http import pool
from providers.sandbox.certificates import Authority

from .rawupstream import OK, Run, ask

ENDLESS = b"HTTP/1.1 200 OK\r\n\r\n"  # its body ends with its connection
BIG = 8_000_000
Script = Callable[[socket.socket], None]


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.trusted))
    pool._trust.cache_clear()
    yield authority.issue()
    pool._trust.cache_clear()


@contextmanager
def serving(script: Script, certificate: Path | None = None) -> Iterator[str]:
    """Each connection runs `script`, in a thread, with its blocking socket."""
    secure = None
    if certificate is not None:
        secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secure.load_cert_chain(certificate)

    def accept() -> None:
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:
                return
            Thread(target=one, args=(connection,), daemon=True).start()

    def one(connection: socket.socket) -> None:
        try:
            if secure is not None:
                connection = secure.wrap_socket(connection, server_side=True)
            script(connection)
        except OSError:
            pass
        finally:
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=accept, daemon=True).start()
        yield f"http{'s' if secure else ''}://127.0.0.1:{listener.getsockname()[1]}/v1/chat"
        listener.shutdown(socket.SHUT_RDWR)


def hear(connection: socket.socket) -> None:
    """A call with an empty body."""
    heard = b""
    while not heard.endswith(b"\r\n\r\n"):
        heard += connection.recv(65536)


def says(*pieces: bytes, then: Script = lambda connection: None) -> Script:
    def script(connection: socket.socket) -> None:
        hear(connection)
        for piece in pieces:
            connection.sendall(piece)
        time.sleep(0.1)  # until they have been read
        then(connection)

    return script


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def goodbye(connection: socket.socket) -> None:
    """TLS' own, without waiting for the other's."""
    assert isinstance(connection, ssl.SSLSocket)
    connection.settimeout(0.01)
    with suppress(TimeoutError, ssl.SSLError):
        connection.unwrap()


def hangs_up(connection: socket.socket) -> None:
    """Send no more, read nothing, and stay."""
    connection.shutdown(socket.SHUT_WR)
    time.sleep(30)


def answered(run: Run, url: str, body: bytes = b"") -> tuple[int, bytes] | ProviderError:
    async def work() -> tuple[int, bytes] | ProviderError:
        try:
            return await ask(url, body)
        except ProviderError as exc:
            return exc

    return run(work())


def test_a_body_without_a_length_ends_with_its_connection(run):
    with serving(says(ENDLESS, b"ok")) as url:
        assert answered(run, url) == (200, b"ok")


def test_a_body_without_a_length_that_a_reset_cuts_off_is_not_whole(run):
    with serving(says(ENDLESS, b"ok", then=reset)) as url:
        assert isinstance(answered(run, url), Unreachable)


def test_a_body_without_a_length_that_close_cuts_off_is_not_whole(run):
    async def work() -> None:
        asking = asyncio.create_task(ask(url, b""))
        await asyncio.sleep(0.5)
        await pool.close()
        with pytest.raises(Unreachable, match="ended early"):
            await asking

    with serving(says(ENDLESS, b"ok", then=lambda connection: time.sleep(30))) as url:
        run(work())


def test_an_answer_that_ends_is_heard_though_the_upstream_reads_no_more(run):
    def refuses(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\n\r\nbig")
        hangs_up(connection)

    with serving(refuses) as url:
        assert answered(run, url, b"x" * 50_000_000) == (413, b"big")


def test_over_tls_a_body_without_a_length_ends_with_a_goodbye(run, certificate):
    with serving(says(ENDLESS, b"ok", then=goodbye), certificate) as url:
        assert answered(run, url) == (200, b"ok")


@pytest.mark.parametrize("then", [lambda connection: None, reset], ids=["end", "reset"])
@pytest.mark.parametrize("size", [2, BIG])
def test_over_tls_a_body_without_a_length_and_a_goodbye_is_not_whole(run, certificate, then, size):
    with serving(says(ENDLESS, b"x" * size, then=then), certificate) as url:
        assert isinstance(answered(run, url), Unreachable)


def test_over_tls_a_body_with_a_length_needs_no_goodbye(run, certificate):
    with serving(says(OK), certificate) as url:
        assert answered(run, url) == (200, b"ok")


def test_over_tls_nothing_is_lost_that_came_before_the_end_while_reading_was_paused(run, certificate):
    def pours(connection: socket.socket) -> None:
        hear(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % BIG + b"x" * BIG)

    with serving(pours, certificate) as url:
        for _ in range(5):
            assert answered(run, url) == (200, b"x" * BIG)


def test_a_handshake_that_fails_leaves_nothing_behind(run, certificate):
    async def work() -> None:
        mine = pool.pool(asyncio.get_running_loop())
        for url, error in ((hung_up, Unreachable), (plain, Untrusted)) * 20:
            with pytest.raises(error):
                await ask(url, b"")
        await asyncio.sleep(0.1)
        assert not mine._all

    with serving(lambda connection: None) as hung_up, serving(lambda connection: connection.sendall(OK)) as plain:
        hung_up, plain = hung_up.replace("http:", "https:"), plain.replace("http:", "https:")
        run(work())
