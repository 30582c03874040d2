"""Where does an installation listen? On one socket that outlives its workers: while one is replaced, callers wait.

What is set on it holds for every connection that it accepts.
"""

import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Final

BACKLOG: Final = 2048
UNSENT_BYTES: Final = 64 * 1024  # more than that waits with us, where a stream that is not read stops its upstream


def listen(host: str, port: int, slow_client_s: int) -> socket.socket:
    """Listen; raises `OSError`. A client that takes nothing of its answer for `slow_client_s` seconds is cut off."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    sock = socket.socket(family, kind)
    with _listening(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _limit_patience(sock, slow_client_s)
        sock.bind(address)
    return sock


def listen_at(path: str) -> socket.socket:
    """Listen on a Unix socket of that name, for a proxy on this machine; raises `OSError`.

    Who may open it is said by the folder that it lies in, as anybody here may reach the port. What a dead owner left
    there is replaced; of one that listens it is `EADDRINUSE`.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _listening(sock):
        if _is_left_over(path):
            os.unlink(path)
        sock.bind(path)
        os.chmod(path, 0o666)
    return sock


@contextmanager
def _listening(sock: socket.socket) -> Iterator[None]:
    """Listen once it is bound; close it where that fails."""
    try:
        yield
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)


def _is_left_over(path: str) -> bool:
    """Whether a socket lies there that nobody listens on."""
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(os.stat(path).st_mode):
            with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
                return probe.connect_ex(path) == errno.ECONNREFUSED
    return False


def _limit_patience(sock: socket.socket, slow_client_s: int) -> None:
    """The kernel counts from what is sent and not taken: a reader that stopped, a machine that is gone.

    Where a system lacks one of these (Linux has both), only memory is limited, as before.
    """
    with suppress(AttributeError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, slow_client_s * 1000)
