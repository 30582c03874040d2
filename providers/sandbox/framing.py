"""How do the pieces of an answer get into HTTP? By uvicorn, or by hand where the framing itself is the fault."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, Protocol

from providers.sandbox.drafts import Draft, Framing

EXCESS_AFTER_S: Final = 0.05  # so that the client has read the answer before

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Frame(Protocol):
    """Writes one answer."""

    async def head(self) -> None: ...
    async def piece(self, data: bytes) -> None: ...
    async def end(self) -> None: ...


class ServerFrame:
    """uvicorn does it, and takes the next request on the same connection."""

    def __init__(self, draft: Draft, transport: asyncio.Transport, send: Send) -> None:
        self._draft, self._transport, self._send = draft, transport, send

    async def head(self) -> None:
        if self._draft.preface:
            self._transport.write(self._draft.preface)
        headers = [(name.encode(), value.encode("latin-1")) for name, value in self._draft.headers.items()]
        if self._draft.length is not None:
            headers.append((b"content-length", str(self._draft.length).encode()))
        await self._send({"type": "http.response.start", "status": self._draft.status, "headers": headers})

    async def piece(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        if self._draft.excess:  # not awaited: with the answer's end the server ends whoever still works on it
            asyncio.get_running_loop().call_later(EXCESS_AFTER_S, self._exceed)

    def _exceed(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._draft.excess)


class HandFrame:
    """Every byte is ours; the connection closes behind it."""

    def __init__(self, draft: Draft, transport: asyncio.Transport, send: Send) -> None:
        self._draft, self._transport = draft, transport
        self._chunked = draft.framing is Framing.TRAILERS

    async def head(self) -> None:
        framed = {"transfer-encoding": "chunked", "trailer": "x-checksum"} if self._chunked else {}
        version = "1.1" if self._chunked else "1.0"
        lines = [f"HTTP/{version} {self._draft.status} Sandbox"]
        lines += [f"{name}: {value}" for name, value in (self._draft.headers | framed).items()]
        self._transport.write("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def piece(self, data: bytes) -> None:
        if data:
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    async def end(self) -> None:
        if self._chunked:
            self._transport.write(b"0\r\nx-checksum: 4711\r\n\r\n")
        self._transport.close()


def frame_of(draft: Draft, transport: asyncio.Transport, send: Send) -> Frame:
    kind = ServerFrame if draft.framing is Framing.SERVER else HandFrame
    return kind(draft, transport, send)
