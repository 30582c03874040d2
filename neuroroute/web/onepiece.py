"""How does a whole answer leave in one piece? Its head waits for its body: one system call, and one packet to wake for.

uvicorn writes them one after the other. The ASGI specification wants what is done here: no head before the first body.
"""

import asyncio
from typing import Final

INTERIM: Final = b"HTTP/1.1 100"


class OnePiece:
    """What an answer's cycle takes for the transport of its connection; as much of it as a cycle uses."""

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head: bytes | None = None  # None: not written yet; b"": has left

    def write(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        elif self._head is None and not data.startswith(INTERIM):
            self._head = data
            return
        self._transport.write(data)

    def close(self) -> None:
        if self._head:
            self._transport.write(self._head)
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()
