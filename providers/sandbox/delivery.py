"""How a draft goes out: piece by piece at its pace, until the client leaves or the draft's own end."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from providers.sandbox.calls import Call
from providers.sandbox.drafts import Draft, End

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
NO_LINGER: Final = struct.pack("ii", 1, 0)  # closing sends a reset


async def deliver(draft: Draft, call: Call, transport: asyncio.Transport, receive: Receive, send: Send) -> None:
    """Send the draft and note in `call` what happened; a client that leaves ends it at once."""
    work = asyncio.ensure_future(_play(draft, call, transport, send))
    gone = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        call.left_early = not (work.done() and work.result())
        if draft.end is not End.CLEAN:
            await gone  # the server must see the closed connection before it looks for a complete answer
    finally:
        work.cancel()
        gone.cancel()
        await asyncio.gather(work, gone, return_exceptions=True)


async def _play(draft: Draft, call: Call, transport: asyncio.Transport, send: Send) -> bool:
    """Send all of it; False when the client had left before."""
    pieces = draft.pieces
    await _wait(draft.head_wait_s)
    if draft.has_head:
        await send({"type": "http.response.start", "status": draft.status, "headers": _headers(draft)})
        call.status = draft.status
    for piece in pieces:
        await _wait(piece.wait_s)
        await send({"type": "http.response.body", "body": piece.data, "more_body": True})
        if transport.is_closing():  # it left while we waited for it to read
            return False
        call.chunks += 1
    if draft.end is End.CLEAN:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    elif draft.end is End.CUT:
        transport.close()
    else:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        transport.abort()
    return True


async def _wait(seconds: float) -> None:
    if seconds > 0:
        await asyncio.sleep(seconds)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _headers(draft: Draft) -> list[tuple[bytes, bytes]]:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in draft.headers.items()]
    return headers if draft.length is None else [*headers, (b"content-length", str(draft.length).encode())]
