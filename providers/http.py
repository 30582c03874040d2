"""How bytes reach an upstream and come back: the data plane's HTTP client, behind one small seam.

aiohttp does the work (docs/adr/0005-http-client.md: the one of the fast clients that lets go of a call when asked to).
Redirects are refused, TLS is always verified, HTTP/1.1 only, no decompression (we ask for `identity`, so nothing can
explode). Nothing is retried here, but for a call that a dead connection has not carried. Every exception of the client
becomes a `ProviderError` in this file, nowhere else.
"""

import asyncio
import math
from collections.abc import Mapping
from time import monotonic
from typing import Final
from weakref import WeakKeyDictionary

import aiohttp

from providers import connections
from providers.errors import BadUpstreamResponse, ProviderError, Unreachable, Untrusted
from providers.patience import Patience

LINGER_S: Final = 0.5  # from a stream's end mark to the end of its body

# Those whose end mark was read, and whose end of body was not yet.
_lingering: WeakKeyDictionary[asyncio.AbstractEventLoop, set[aiohttp.ClientResponse]] = WeakKeyDictionary()


class Reply:
    """An upstream's answer whose head has arrived: read the body piece by piece or whole."""

    __slots__ = ("_content", "_patience", "_response", "status")

    def __init__(self, response: aiohttp.ClientResponse, patience: Patience) -> None:
        self.status = response.status
        self._response, self._patience = response, patience
        self._content = response.content

    @property
    def headers(self) -> Mapping[str, str]:
        """Header values by lower-case name."""
        return {name.lower(): value for name, value in self._response.headers.items()}

    async def read(self, deadline: float, late: str) -> bytes:
        """The bytes that have come, b"" at the end; raises `UpstreamTimeout(late)`, `Unreachable`."""
        try:
            with self._patience.until(deadline, late):
                return await self._content.readany()
        except aiohttp.ClientError as exc:
            raise translated(exc) from exc

    async def read_all(self, deadline: float, limit: int, begins: float = math.inf, stall_s: float = math.inf) -> bytes:
        """The whole body, which has to begin until `begins` and may pause for `stall_s`.

        Raises `UpstreamTimeout`, `Unreachable`, `BadUpstreamResponse` beyond `limit` bytes.
        """
        pieces: list[bytes] = []
        size = 0
        patient = begins
        while piece := await self.read(min(patient, deadline), "the answer was not complete in time"):
            size += len(piece)
            if size > limit:
                raise BadUpstreamResponse(f"the answer is longer than {limit} bytes")
            pieces.append(piece)
            patient = monotonic() + stall_s
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class Exchange:
    """One POST: `async with Exchange(...) as reply`. Leaving the block by an exception before the end closes the
    connection, and so ends the generation. Deadlines are `asyncio`'s `loop.time()` seconds."""

    __slots__ = ("_body", "_connect_s", "_deadline", "_headers", "_patience", "_response", "_url")

    def __init__(
        self, url: str, headers: tuple[tuple[str, str], ...], body: bytes, connect_s: float, deadline: float
    ) -> None:
        self._url, self._headers, self._body, self._connect_s = url, headers, body, connect_s
        self._deadline = deadline
        self._patience = Patience()
        self._response: aiohttp.ClientResponse | None = None

    async def __aenter__(self) -> Reply:
        """The head of the answer; raises `UpstreamTimeout`, `Unreachable`, `BadUpstreamResponse`."""
        try:
            with self._patience.until(self._deadline, "no first byte in time"):
                self._response = response = await self._sent()
            if response.headers.get("content-encoding", "identity") != "identity":
                raise BadUpstreamResponse("the upstream compressed its answer although asked not to")
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            self._close()
            raise translated(exc) from exc
        except BaseException:
            self._close()
            raise
        return Reply(response, self._patience)

    async def _sent(self) -> aiohttp.ClientResponse:
        """Send it; once more, on a connection of its own, where the one that was reused turns out to be dead, and once
        more where our own stall used the time up in which to connect: nothing was sent either way."""
        try:
            return await self._post(fresh=False)
        except connections.DeadConnection:
            return await self._post(fresh=True)
        except aiohttp.ServerTimeoutError:
            if not self._patience.lost_s:
                raise
            return await self._post(fresh=False)

    async def _post(self, fresh: bool) -> aiohttp.ClientResponse:
        timeout = connections.connect_timeout(self._connect_s)
        client = connections.session(fresh)
        return await client.post(
            self._url, headers=self._headers, data=self._body, allow_redirects=False, timeout=timeout
        )

    async def __aexit__(self, kind: type[BaseException] | None, exc: object, traceback: object) -> None:
        """The end mark of a stream often comes a moment before the end of the body: the client need not wait for that,
        but the connection may. aiohttp takes it back by itself as soon as the end is there."""
        if kind is None and self._response is not None and not self._response.content.at_eof():
            self._patience.end()
            _linger(self._response)
        else:
            self._close()

    def _close(self) -> None:
        """Give a connection whose answer was read to the end back to the pool; close any other."""
        self._patience.end()
        if self._response is not None:
            self._response.release() if self._response.content.at_eof() else self._response.close()


async def close() -> None:
    """Close this event loop's connections."""
    loop = asyncio.get_running_loop()
    for response in _lingering.pop(loop, ()):
        response.close()
    await connections.close()


def _linger(response: aiohttp.ClientResponse) -> None:
    """Close this after a while, should it not have ended by itself by then."""
    loop = asyncio.get_running_loop()
    lingering = _lingering.setdefault(loop, set())
    lingering.add(response)

    def let_go() -> None:
        lingering.discard(response)
        response.close()

    loop.call_later(LINGER_S, let_go)


def translated(exc: Exception) -> ProviderError:
    """The client's exception as one of ours. The text is ours: theirs may hold the URL."""
    match exc:
        case aiohttp.ServerTimeoutError():
            return Unreachable("no connection within the connect timeout")
        case aiohttp.ClientConnectorDNSError():
            return Unreachable("no connection: the name cannot be resolved")
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return Untrusted("no connection: TLS failed")
        case aiohttp.ClientConnectorError():
            return Unreachable(f"no connection: {exc.os_error.strerror or 'unknown reason'}")
        case aiohttp.ClientPayloadError():
            return Unreachable("the body ended early or was malformed", connected=True)
        case aiohttp.ClientResponseError():
            return BadUpstreamResponse("the answer is no HTTP")
        case aiohttp.ClientConnectionError() | OSError():
            return Unreachable("the connection broke", connected=True)
        case _:
            return Unreachable("the request could not be sent")
