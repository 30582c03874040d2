"""Where does an installation listen? On one socket that outlives its workers: while one is replaced, callers wait.

What is set on it holds for every connection that it accepts.
"""

import socket
from contextlib import suppress
from typing import Final

BACKLOG: Final = 2048
UNSENT_BYTES: Final = 64 * 1024  # more than that waits with us, where a stream that is not read stops its upstream


def listen(host: str, port: int, slow_client_s: int) -> socket.socket:
    """Listen; raises `OSError`. A client that takes nothing of its answer for `slow_client_s` seconds is cut off."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    sock = socket.socket(family, kind)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _limit_patience(sock, slow_client_s)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _limit_patience(sock: socket.socket, slow_client_s: int) -> None:
    """The kernel counts from what is sent and not taken: a reader that stopped, a machine that is gone.

    Where a system lacks one of these (Linux has both), only memory is limited, as before.
    """
    with suppress(AttributeError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, slow_client_s * 1000)
