"""What is a client's connection, beyond HTTP? One that refuses at a shut door, and can be told that its end is near."""

import asyncio
from functools import partial
from typing import Any, Final, cast

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from neuroroute.web.door import Door
from neuroroute.web.onepiece import OnePiece
from neuroroute.web.refusals import head_of_whole, path_of, refusals
from routing.api.leaving import LEAVERS, Leave

REFUSALS: Final = refusals()
LOCAL_PROXY: Final = ("127.0.0.1", 0)


class Connection(HttpToolsProtocol):
    """uvicorn's, with a door before it: what is refused costs no task, and no parsing where it came in one piece."""

    _ending = False
    _reading = False  # a request has begun and not ended
    _heard = False  # a piece of it has come since the timer rang
    _idle_since: float | None = None  # as the loop tells time; only looked at when the end is near
    _refusal: bytes | None = None  # of the request that is being read
    _turned_away: tuple[int, bytes, bytes | None] = (0, b"", None)  # the latest in one piece: length, head, answer
    _rests_since = 0.0  # since the last answer or refusal, as the loop tells time

    def __init__(self, door: Door, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._door = door
        self._leavers: set[Leave] = set()

    def end(self, linger_s: float) -> None:
        """Close after an answer that can still say so, else when nothing has come for `linger_s`: ask again and again.

        A stream's headers have told the client that it may use the connection once more, so it must be heard.
        """
        self._ending = True
        now = self.loop.time()
        if self._answering:
            self._idle_since = None
            if not self.cycle.response_started:
                self.cycle.keep_alive = False
        elif self._idle_since is None:
            self._idle_since = now
        elif now - self._idle_since >= linger_s:
            self.transport.close()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.client is None:  # by a Unix socket: the proxy of this machine, trusted as it is on the loopback
            self.client = LOCAL_PROXY
        self._rest()  # who never asks is not kept either

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        self._heard = True
        if self._door.shut and not (self._reading or self._answering or self._ending):
            refusal = self._refusal_for(data)
            if refusal:
                self._turn_away(refusal)
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        self._reading = True
        super().on_message_begin()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        for leave in list(self._leavers):
            leave()

    def on_headers_complete(self) -> None:
        if self._door.shut and not self._answering:
            self._refusal = REFUSALS.get(self.url.partition(b"?")[0])
            if self._refusal:
                return
        before = self.cycle
        self.scope[LEAVERS] = self._leavers  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()
        if self.cycle is before:  # an upgrade, which is nobody's here
            return
        if self.scope["method"] != "HEAD":  # whose answer has no body to wait for
            self.cycle.transport = cast(asyncio.Transport, OnePiece(self.transport))
        if self._ending:
            self.cycle.keep_alive = False

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if cycle.scope["raw_path"] in REFUSALS:
            self._door.enter(partial(self._start, cycle, app))
        else:  # health, metrics, pages
            super()._start_asgi_task(cycle, app)

    def _start(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if not cycle.disconnected:  # before the door
            super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        if self._refusal is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._reading = False
        if self._refusal is None:
            super().on_message_complete()
            if not self.pipeline:  # else it is the next request that came whole, and reading waits for its turn
                self.flow.resume_reading()  # a big body has stopped it: whoever does not read hears nobody leave
            return
        self._turn_away(self._refusal)
        self._refusal = None
        if self._ending or not self.parser.should_keep_alive():
            self.transport.close()

    def _refusal_for(self, data: bytes) -> bytes | None:
        """What to answer to a request that came in one piece. Who tries again sends the same head, which says how
        long the request is: it need not be searched again."""
        length, head, refusal = self._turned_away
        if len(data) == length and data.startswith(head):
            return refusal
        head = head_of_whole(data)
        refusal = REFUSALS.get(path_of(head))
        if refusal:
            self._turned_away = len(data), head, refusal
        return refusal

    def _turn_away(self, refusal: bytes) -> None:
        self._door.refused += 1
        self.transport.write(refusal)
        self._rest()

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._rest()

    # One timer per connection, which looks when it rings. uvicorn cancels and sets one anew for each request: with
    # thousands of connections that costs as much as a refusal.

    def _rest(self) -> None:
        self._rests_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._ring_in(self.timeout_keep_alive)

    def _ring_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self.transport.is_closing():
            return
        if self._reading:
            self._wait_for_more()
            return
        if self._answering:
            return
        rests_s = self._rests_since + self.timeout_keep_alive - self.loop.time()
        if rests_s > 0:
            self._ring_in(rests_s)
        else:
            self.transport.close()

    def _wait_for_more(self) -> None:
        """Of a request that has begun. Who sends nothing of it from one ring to the next has left without a word."""
        if self._heard or self.flow.read_paused:
            self._heard = False
            self._ring_in(self.timeout_keep_alive)
        else:
            self.transport.close()

    def _unset_keepalive_if_required(self) -> None:
        """Called for each piece of a request: the timer stays."""
