"""One HTTP/1.1 connection to an upstream (RFC 9112): a call goes out, and its answer is read as it comes.

llhttp parses, through httptools. Calls follow one another; none is sent before the answer to the one before has ended.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from errno import ECONNRESET
from typing import Final, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from providers.errors import BadUpstreamResponse, ProviderError, Unreachable
from providers.http.heads import Origin

BUFFER: Final = 64 * 1024  # bytes of a body that may lie unread; beyond, the upstream has to wait
HEAD_LIMIT: Final = 64 * 1024  # bytes before the end of an answer's head, and of trailers
FRAMED: Final = (b"content-length", b"transfer-encoding")


class Connection(asyncio.Protocol):
    """`rested` is called with it when an answer has ended after its caller had left, `gone` when it is closed."""

    def __init__(
        self, rested: Callable[["Connection"], None], gone: Callable[["Connection"], None], origin: Origin
    ) -> None:
        self.origin = origin
        self.calls = 0
        self.idle_since = 0.0  # `loop.time()` seconds
        self._rested, self._gone = rested, gone
        self._loop = asyncio.get_running_loop()
        self._parser = HttpResponseParser(self)
        # Some load balancers send them, and no chunk's end can move by it. What could move an end is refused: lines
        # without CR, folded lines, two lengths, a length beside chunks.
        self._parser.set_dangerous_leniencies(lenient_spaces_after_chunk_size=True)
        self._waiter: asyncio.Future[None] | None = None
        self._leaving: asyncio.TimerHandle | None = None
        self._lost = self._paused = self._bounded = False
        self._ended = True  # the answer, as far as one is awaited
        self._expect()

    async def secure(self, context: ssl.SSLContext, host: str) -> None:
        """TLS from here on, for a server that proves to be `host`; raises `OSError`.

        Reading is paused below TLS: uvloop loses what it holds for a TLS transport that is paused when the end comes.
        """
        if self._excess:
            raise ssl.SSLError("it speaks first, which TLS does not")
        if self._carrier.is_closing():
            raise ConnectionResetError(ECONNRESET, "closed before TLS began")
        try:
            secured = await self._loop.start_tls(self._carrier, self, context, server_hostname=host)
        except BaseException:
            self.close()
            raise
        assert secured is not None
        self._transport = secured

    def _expect(self) -> None:
        """An answer from its beginning."""
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []  # names as the upstream spells them
        self._before = 0  # bytes since anything of the body came: of the head, interim answers included, or of trailers
        self._head = self._excess = self._keep = False
        self.wanted_whole = False  # whoever reads it waits for nothing but its end
        self._pieces: list[bytes] = []
        self._size = 0
        self._broken: ProviderError | None = None

    # ------------------------------------------------------------ for a call

    @property
    def lost(self) -> bool:
        """Whether it is closed for good."""
        return self._lost

    @property
    def ended(self) -> bool:
        """Whether the answer has come to its end, however much of it is still to be taken."""
        return self._ended

    @property
    def reusable(self) -> bool:
        """Whether the next call may follow: the answer has ended, nothing came behind it, and all of ours was sent."""
        unfit = self._lost or self._excess or self._paused or self._transport.is_closing()
        return self._ended and self._keep and not unfit and not self._transport.get_write_buffer_size()

    @property
    def untouched(self) -> bool:
        """Whether nothing came that could be an answer to this call: no byte, or none that is HTTP."""
        return not (self.status or self._before)

    def send(self, request: bytes, body: bytes) -> None:
        """Begin a call."""
        self.calls += 1
        self._ended = False
        self._expect()
        if self._lost:
            self._fail(Unreachable("the connection broke", connected=True))
        elif len(body) < BUFFER:
            self._transport.write(request + body)
        else:
            self._transport.writelines((request, body))

    async def head(self) -> None:
        """Wait for the end of the head; raises `Unreachable`, `BadUpstreamResponse`."""
        while not self._head:
            if self._broken is not None:
                raise self._broken
            await self._news()

    def take(self) -> bytes | None:
        """What has come of the body; b"" at its end, None where nothing has come. Raises as `head` does."""
        if self._pieces:
            data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
            self._forget_pieces()
            return data
        if self._ended:
            return b""
        if self._broken is not None:
            raise self._broken
        return None

    async def read(self) -> bytes:
        """The same, waiting for it."""
        while (data := self.take()) is None:
            await self._news()
        return data

    def leave(self, seconds: float) -> None:
        """Nobody reads on: give the answer that long to end, then close."""
        if self._broken is not None:
            self.close()
            return
        self._leaving = self._loop.call_later(seconds, self.close)
        self._forget_pieces()

    def close(self) -> None:
        """At once, whatever is under way."""
        if not self._lost:
            self._transport.abort()

    def _forget_pieces(self) -> None:
        self._pieces, self._size = [], 0
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._carrier.resume_reading()

    async def _news(self) -> None:
        waiter = self._waiter = self._loop.create_future()
        try:
            await waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: ProviderError) -> None:
        self._broken = error
        self._keep = False
        self._wake()

    # ---------------------------------------------------- from the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = self._carrier = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._ended or self._broken is not None:
            self._excess = True
            self.close()
            return
        size = self._size
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._misread()
        if self._size != size:
            self._before = 0
        elif not self._ended and self._broken is None:
            self._before += len(data)
            if self._before > HEAD_LIMIT:
                part = "end" if self._head else "head"
                self._fail(BadUpstreamResponse(f"the {part} of the answer is longer than {HEAD_LIMIT} bytes"))
        self._wake()
        if self._leaving is not None and self._ended:
            self._rest()

    def _misread(self) -> None:
        if self._ended:
            self._excess = True
        elif self._head:
            self._fail(Unreachable("the body ended early or was malformed", connected=True))
        else:
            self._fail(BadUpstreamResponse("the answer is no HTTP"))

    def _rest(self) -> None:
        assert self._leaving is not None
        self._leaving.cancel()
        self._leaving = None
        self._rested(self)

    def eof_received(self) -> None:
        """An answer without a length ends with its connection (RFC 9112, 6.3), where that is closed as it should be:
        what a reset or an end without TLS' own goodbye cuts off would pass for the whole (9.8)."""
        if self._ended or self._broken is not None:
            return
        if self._head and self._took_leave() and not any(name.lower() in FRAMED for name, _ in self.headers):
            self._ended = True
            self._wake()
        else:
            self._cut()

    def _took_leave(self) -> bool:
        """Whether TLS, if any, was ended by the upstream; asyncio does not tell that from a mere end of the stream."""
        secured: ssl.SSLObject | None = self._transport.get_extra_info("ssl_object")
        try:
            return secured is None or not secured.read(1)
        except ssl.SSLZeroReturnError:
            return True
        except ssl.SSLError:
            return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        if not self._ended and self._broken is None:
            self._cut()
        self._wake()
        self._gone(self)

    def _cut(self) -> None:
        cut = "the body ended early or was malformed" if self._head else "the connection broke"
        self._fail(Unreachable(cut, connected=True))

    # -------------------------------------------------------- from the parser

    def on_message_begin(self) -> None:
        if self._ended:
            self._excess = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._head:  # else a trailer
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._ended:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200:  # interim: the answer proper follows (RFC 9110, 15.2)
            self.headers = []
        else:
            self.status, self._head, self._keep = status, True, self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        if self._ended or self._leaving is not None:
            return
        self._pieces.append(body)
        self._size += len(body)
        if self._size > BUFFER and not self._paused:
            self._paused = True
            self._carrier.pause_reading()
            if not (self._bounded or self.wanted_whole):
                self._bound()

    def _bound(self) -> None:
        """Let the kernel hold about as much unread as we do. For a stream it would take in more with every read, up
        to the last figure of `tcp_rmem`, 6 to 32 MB: tokens that a slow client may never take, each of them billed."""
        self._bounded = True
        below: socket.socket = self._carrier.get_extra_info("socket")
        below.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)

    def on_message_complete(self) -> None:
        if self._head:
            self._ended = True
