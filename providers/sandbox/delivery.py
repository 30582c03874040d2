"""How a draft goes out: piece by piece at its pace, until the client leaves or the draft's own end."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from msgspec import Struct

from providers.sandbox.calls import Call
from providers.sandbox.drafts import Draft, End
from providers.sandbox.framing import Frame, frame_of

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
NO_LINGER: Final = struct.pack("ii", 1, 0)  # closing sends a reset


class Line(Struct, frozen=True):
    """The connection that a call came on, and how many it had served before."""

    transport: asyncio.Transport
    served: int = 0


async def deliver(draft: Draft, call: Call, line: Line, receive: Receive, send: Send) -> None:
    """Send the draft and note in `call` what happened; a client that leaves ends it at once."""
    call.served_before = line.served
    work = asyncio.ensure_future(_play(draft, call, line, send))
    gone = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        call.left_early = not (work.done() and work.result())
        if line.transport.is_closing():
            await gone  # the server must see the closed connection before it looks for a complete answer
    finally:
        work.cancel()
        gone.cancel()
        await asyncio.gather(work, gone, return_exceptions=True)


async def _play(draft: Draft, call: Call, line: Line, send: Send) -> bool:
    """Send all of it; False when the client had left before."""
    pieces = draft.pieces
    if draft.resets_reused and line.served:
        _reset(line.transport)
        return True
    frame = frame_of(draft, line.transport, send)
    await _wait(draft.head_wait_s)
    if draft.has_head:
        await frame.head()
        call.status = draft.status
    for piece in pieces:
        await _wait(piece.wait_s)
        await frame.piece(piece.data)
        if line.transport.is_closing():  # it left while we waited for it to read
            return False
        call.chunks += 1
    for _ in range(draft.endless_bytes // len(draft.endless) if draft.endless else 0):
        await frame.piece(draft.endless)
        if line.transport.is_closing():
            return False
        call.chunks += 1
    await _end(draft, frame, line.transport)
    return True


async def _end(draft: Draft, frame: Frame, transport: asyncio.Transport) -> None:
    if draft.end is End.CLEAN:
        await frame.end()
    elif draft.end is End.CUT:
        transport.close()
    else:
        _reset(transport)


def _reset(transport: asyncio.Transport) -> None:
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    transport.abort()


async def _wait(seconds: float) -> None:
    if seconds > 0:
        await asyncio.sleep(seconds)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
