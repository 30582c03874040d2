"""How bytes reach an upstream and come back: the data plane's HTTP client, behind one small seam.

pyreqwest (Rust) does the work off the event loop's thread, name resolution included. Redirects are refused, TLS is
always verified, HTTP/1.1 only, no decompression (we ask for `identity`, so nothing can explode), nothing is retried
here. Every exception of the client becomes a `ProviderError` in this file and nowhere else.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Final

from pyreqwest import exceptions as wire_errors
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.response import Response

from providers.errors import BadUpstreamResponse, ProviderError, Unreachable, UpstreamTimeout
from providers.patience import Patience

IDLE_S: Final = (
    30  # shorter than the servers' own limits (60 s and more), so that a reused connection is rarely a dead one
)
BODY_LIMIT: Final = 32 * 1024 * 1024  # bytes of one whole answer


class Reply:
    """An upstream's answer whose head has arrived: read the body piece by piece or whole."""

    __slots__ = ("_patience", "_reader", "_response", "status")

    def __init__(self, response: Response, patience: Patience) -> None:
        self.status = response.status
        self._response, self._patience = response, patience
        self._reader = response.body_reader

    @property
    def headers(self) -> Mapping[str, str]:
        """Header values by lower-case name."""
        return {name.lower(): value for name, value in self._response.headers.items()}

    async def read(self, deadline: float, late: str) -> bytes | None:
        """The next bytes as they come, None at the end; raises `UpstreamTimeout(late)`, `Unreachable`."""
        try:
            with self._patience.until(deadline, late):
                piece = await self._reader.read_chunk()
        except wire_errors.PyreqwestError as exc:
            raise translated(exc) from exc
        return None if piece is None else bytes(piece)

    async def read_all(self, deadline: float, limit: int = BODY_LIMIT) -> bytes:
        """The whole body; raises `UpstreamTimeout`, `Unreachable`, `BadUpstreamResponse` beyond `limit` bytes."""
        pieces: list[bytes] = []
        size = 0
        while (piece := await self.read(deadline, "the answer was not complete in time")) is not None:
            size += len(piece)
            if size > limit:
                raise BadUpstreamResponse(f"the answer is longer than {limit} bytes")
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class Exchange:
    """One POST: `async with Exchange(...) as reply`. Leaving the block early closes the connection, and so ends the
    generation. A class, because a generator-based context manager costs several microseconds more per request.

    Deadlines are `asyncio`'s `loop.time()` seconds.
    """

    __slots__ = ("_deadline", "_patience", "_request")

    def __init__(
        self, url: str, headers: tuple[tuple[str, str], ...], body: bytes, connect_s: float, deadline: float
    ) -> None:
        self._request = client(connect_s).post(url).headers(headers).body_bytes(body).build_streamed()
        self._deadline = deadline
        self._patience = Patience()

    async def __aenter__(self) -> Reply:
        """The head of the answer; raises `UpstreamTimeout`, `Unreachable`, `BadUpstreamResponse`."""
        try:
            with self._patience.until(self._deadline, "no first byte in time"):
                response = await self._request.__aenter__()
            if response.get_header("content-encoding") not in (None, "identity"):
                raise BadUpstreamResponse("the upstream compressed its answer although asked not to")
        except wire_errors.PyreqwestError as exc:
            self._patience.end()
            raise translated(exc) from exc
        except BaseException:
            await self.__aexit__()
            raise
        return Reply(response, self._patience)

    async def __aexit__(self, *exc: object) -> None:
        self._patience.end()
        await self._request.__aexit__(None, None, None)


@lru_cache(maxsize=64)
def client(connect_s: float) -> Client:
    """One client, and so one pool of connections, per connect timeout: the client has no timeout per request."""
    return (
        ClientBuilder()
        .http1_only()
        .follow_redirects(False)
        .referer(False)
        .gzip(False)
        .brotli(False)
        .zstd(False)
        .deflate(False)
        .user_agent("NeuroRoute")
        .default_headers({"accept-encoding": "identity"})
        .connect_timeout(timedelta(seconds=connect_s))
        .pool_idle_timeout(timedelta(seconds=IDLE_S))
        .build()
    )


def translated(exc: wire_errors.PyreqwestError) -> ProviderError:
    """The client's exception as one of ours. The text is ours: theirs may hold the URL."""
    match exc:
        case wire_errors.ConnectTimeoutError():
            return UpstreamTimeout("no connection within the connect timeout")
        case wire_errors.RequestTimeoutError():
            return UpstreamTimeout("the upstream did not answer in time")
        case wire_errors.ConnectError():
            return Unreachable(f"no connection: {_reason(exc)}")
        case wire_errors.NetworkError():
            return Unreachable("the connection broke")
        case wire_errors.DecodeError():
            return Unreachable("the body ended early or was malformed")
        case _:
            return Unreachable("the request could not be sent")


def _reason(exc: wire_errors.DetailedPyreqwestError) -> str:
    """The innermost cause: "Connection refused", "dns error", "certificate has expired"."""
    causes = exc.details.get("causes") or []
    text = causes[-1]["message"] if causes else "unknown reason"
    return text[:120]
