"""How long to wait for an upstream: one timer per attempt instead of one per read.

`asyncio.timeout` arms and disarms a timer of the event loop each time, 8 microseconds per chunk of a stream. Here the
deadline is only a number; the one timer that is armed looks at it when it rings, and sets itself anew when the deadline
has moved on. It does so too where our own event loop stood still meanwhile: what the upstream sent then lies unread in
the socket, and what we had to send has perhaps not left yet, so that time is nobody's.
"""

import asyncio
from math import inf
from types import TracebackType

from providers.errors import UpstreamTimeout
from providers.loopwatch import lost_s


class Patience:
    """`with patience.until(deadline, "why"):` around one await; raises `UpstreamTimeout` when the deadline passes.

    Deadlines are `loop.time()` seconds, and hold later by what the loop has lost since this was made. It belongs to one
    task; call `end` when the attempt is over.
    """

    __slots__ = ("_deadline", "_kind", "_lost_before_s", "_message", "_out", "_rings_at", "_task", "_timer", "loop")

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._lost_before_s = lost_s(self.loop)
        self._task: asyncio.Task[object] | None = None
        self._deadline: float | None = None  # None: nobody waits
        self._timer: asyncio.Handle | None = None
        self._rings_at = inf  # noted here: uvloop's handle of a time that is past already does not know its own
        self._message = ""
        self._kind: type[UpstreamTimeout] = UpstreamTimeout
        self._out = False

    @property
    def lost_s(self) -> float:
        """Seconds that our own event loop has lost since the attempt began."""
        return lost_s(self.loop) - self._lost_before_s

    def until(self, deadline: float, message: str, kind: type[UpstreamTimeout] = UpstreamTimeout) -> "Patience":
        """Set the deadline of the wait that follows; `message` says what did not happen in time, `kind` which error."""
        self._deadline, self._message, self._kind = deadline, message, kind
        if self._rings_at > deadline:
            self._arm(deadline)
        return self

    def __enter__(self) -> None:
        self._task = asyncio.current_task(self.loop)  # told the loop, it need not ask the system for it

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._deadline = None
        if self._out:
            self._out = False
            assert self._task is not None
            if self._task.uncancel() == 0 and kind is asyncio.CancelledError:
                raise self._kind(self._message) from exc

    def end(self) -> None:
        """Disarm."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._rings_at = inf

    def _arm(self, when: float) -> None:
        self.end()
        self._timer, self._rings_at = self.loop.call_at(when, self._ring), when

    def _ring(self) -> None:
        self._timer, self._rings_at = None, inf
        if self._deadline is None:
            return
        deadline = self._deadline + self.lost_s
        if self.loop.time() < deadline:
            self._arm(deadline)
        elif self._task is not None:
            self._out = True
            self._task.cancel()
