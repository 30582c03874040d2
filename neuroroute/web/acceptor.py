"""How do connections spread over the workers that share a socket? Each takes a few, and lets the others have a turn.

An event loop's own server takes all that wait: of two hundred clients that connect at once, one worker of four got 174.
A worker that has much to do comes round less often, and so gets fewer.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Final

AT_ONCE: Final = 4  # per turn of the loop, where others take, too
ALONE_AT_ONCE: Final = 64  # else: who waits to be let in cannot even be refused
REST_S: Final = 1.0  # when the process has no more file descriptors

logger = logging.getLogger("uvicorn.error")


class Acceptor:
    """Gives each connection that comes over `sock` a protocol, until it is closed; the socket stays the caller's."""

    def __init__(self, sock: socket.socket, protocol: Callable[[], asyncio.Protocol], at_once: int = AT_ONCE) -> None:
        self._sock, self._protocol, self._at_once = sock, protocol, at_once
        self._loop = asyncio.get_running_loop()
        self._coming: set[asyncio.Task[object]] = set()
        self._closed = False
        self._listen()

    def close(self) -> None:
        """Take no more; what was taken goes on."""
        self._closed = True
        self._loop.remove_reader(self._sock)

    def _listen(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._sock, self._take)

    def _take(self) -> None:
        for _ in range(self._at_once):
            try:
                connection, _address = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as exc:
                logger.error("no connection can be taken for %g s: %s", REST_S, exc)
                self._loop.remove_reader(self._sock)
                self._loop.call_later(REST_S, self._listen)
                return
            connection.setblocking(False)
            if connection.family != socket.AF_UNIX:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # tokens leave as they come
            task = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, connection))
            self._coming.add(task)
            task.add_done_callback(self._came)

    def _came(self, task: "asyncio.Task[object]") -> None:
        self._coming.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.warning("a connection was gone before it was there: %s", error)
