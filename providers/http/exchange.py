"""One call to an upstream: what is sent, on which connection, and how long to wait for what."""

import math
from collections.abc import Mapping
from time import monotonic
from types import TracebackType
from typing import Final

from providers.errors import BadUpstreamResponse, ProviderError, Unreachable, UpstreamStalled, UpstreamTimeout
from providers.http.connection import Connection
from providers.http.heads import Headers, Origin, head, place
from providers.http.patience import Patience
from providers.http.pool import pool

LINGER_S: Final = 0.5  # from a stream's end mark to the end of its body
DEAD_S: Final = 2.0  # a connection that died at rest shows it within a round trip, or a second if a packet is lost
ENCODING: Final = b"content-encoding"
NONE: Final = (b"identity", b"")


class Reply:
    """An upstream's answer whose head has arrived: read the body piece by piece or whole."""

    __slots__ = ("_connection", "_patience", "status")

    def __init__(self, connection: Connection, patience: Patience) -> None:
        self.status = connection.status
        self._connection, self._patience = connection, patience

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        """The headers as they came."""
        return self._connection.headers

    @property
    def headers(self) -> Mapping[str, str]:
        """Header values by lower-case name."""
        return {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in self._connection.headers}

    async def read(self, deadline: float, late: str, kind: type[UpstreamTimeout] = UpstreamTimeout) -> bytes:
        """The bytes that have come, b"" at the end; raises `kind(late)`, `Unreachable`."""
        if (data := self._connection.take()) is not None:
            return data
        with self._patience.until(deadline, late, kind):
            return await self._connection.read()

    async def read_all(
        self,
        deadline: float,
        limit: int,
        begins: float = math.inf,
        stall_s: float = math.inf,
        pieces: list[bytes] | None = None,
    ) -> bytes:
        """The whole body, which has to begin until `begins` and may pause for `stall_s`; `pieces` takes it in as it
        comes, for whoever asks what had come of one that broke off.

        Raises `UpstreamTimeout`, `Unreachable`, `BadUpstreamResponse` beyond `limit` bytes.
        """
        self._connection.wanted_whole = True
        pieces = [] if pieces is None else pieces
        size = 0
        patient = begins
        kind: type[UpstreamTimeout] = UpstreamTimeout
        while piece := await self.read(min(patient, deadline), "the answer was not complete in time", kind):
            size += len(piece)
            if size > limit:
                raise BadUpstreamResponse(f"the answer is longer than {limit} bytes")
            pieces.append(piece)
            patient = monotonic() + stall_s
            kind = UpstreamStalled if patient < deadline else UpstreamTimeout
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class Exchange:
    """One POST: `async with Exchange(...) as reply`. Leaving the block by an exception before the end closes the
    connection, and so ends the generation. Deadlines are `asyncio`'s `loop.time()` seconds."""

    __slots__ = ("_body", "_connect_s", "_connection", "_deadline", "_headers", "_patience", "_pool", "_url")

    def __init__(self, url: str, headers: Headers, body: bytes, connect_s: float, deadline: float) -> None:
        self._url, self._headers, self._body, self._connect_s = url, headers, body, connect_s
        self._deadline = deadline
        self._patience = Patience()
        self._pool = pool(self._patience.loop)
        self._connection: Connection | None = None

    async def __aenter__(self) -> Reply:
        """The head of the answer; raises `UpstreamTimeout`, `Unreachable`, `BadUpstreamResponse`."""
        try:
            where = place(self._url)
            request = head(where, self._headers, len(self._body))
            with self._patience.until(self._deadline, "no first byte in time"):
                connection = await self._asked(where.origin, request)
            _refuse_encoded(connection)
        except ValueError as exc:  # a name or a header that cannot be sent
            self._close()
            raise Unreachable("the request could not be sent") from exc
        except BaseException:
            self._close()
            raise
        return Reply(connection, self._patience)

    async def _asked(self, origin: Origin, request: bytes) -> Connection:
        """Send it; once more, on a new connection, where the one that had rested turns out to be dead. One that breaks
        later carried the call, which may have cost money by then."""
        connection = self._pool.rested(origin)
        if connection is not None:
            dead_until = self._patience.loop.time() + DEAD_S
            try:
                return await self._sent(connection, request)
            except ProviderError:
                late = self._patience.loop.time() > dead_until + self._patience.lost_s
                if late or not connection.untouched:
                    raise
                connection.close()
        return await self._sent(await self._opened(origin), request)

    async def _sent(self, connection: Connection, request: bytes) -> Connection:
        self._connection = connection
        connection.send(request, self._body)
        await connection.head()
        return connection

    async def _opened(self, origin: Origin) -> Connection:
        """A new connection; tried again where our own stall used the time up in which to connect."""
        try:
            try:
                return await self._pool.opened(origin, self._connect_s)
            except TimeoutError:
                if not self._patience.lost_s:
                    raise
                return await self._pool.opened(origin, self._connect_s)
        except TimeoutError as exc:
            raise Unreachable("no connection within the connect timeout") from exc

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """The end mark of a stream often comes a moment before the end of the body: the client need not wait for that,
        but the connection may."""
        if kind is None and self._connection is not None and not self._connection.ended:
            self._patience.end()
            self._connection.leave(LINGER_S)
        else:
            self._close()

    def _close(self) -> None:
        """Give a connection whose answer was read to the end back to the pool; close any other."""
        self._patience.end()
        if self._connection is not None:
            self._pool.give_back(self._connection)


def _refuse_encoded(connection: Connection) -> None:
    for name, value in connection.headers:
        if len(name) == len(ENCODING) and name.lower() == ENCODING and value.lower() not in NONE:
            raise BadUpstreamResponse("the upstream compressed its answer although asked not to")
