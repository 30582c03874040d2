"""How long to wait for an upstream: one timer per attempt instead of one per read.

`asyncio.timeout` arms and disarms a timer of the event loop each time, 8 microseconds per chunk of a stream. Here the
deadline is only a number; the one timer that is armed looks at it when it rings, and sets itself anew when the deadline
has moved on.
"""

import asyncio
from types import TracebackType

from providers.errors import UpstreamTimeout


class Patience:
    """`with patience.until(deadline, "why"):` around one await; raises `UpstreamTimeout` when the deadline passes.

    Deadlines are `loop.time()` seconds. It belongs to one task; call `end` when the attempt is over.
    """

    __slots__ = ("_deadline", "_loop", "_message", "_out", "_task", "_timer")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[object] | None = None
        self._deadline: float | None = None  # None: nobody waits
        self._timer: asyncio.TimerHandle | None = None
        self._message = ""
        self._out = False

    def until(self, deadline: float, message: str) -> "Patience":
        """Set the deadline of the wait that follows; `message` says what did not happen in time."""
        self._deadline, self._message = deadline, message
        if self._timer is None or self._timer.when() > deadline:
            self._arm(deadline)
        return self

    def __enter__(self) -> None:
        self._task = asyncio.current_task(self._loop)  # told the loop, it need not ask the system for it

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._deadline = None
        if self._out:
            self._out = False
            assert self._task is not None
            if self._task.uncancel() == 0 and kind is asyncio.CancelledError:
                raise UpstreamTimeout(self._message) from exc

    def end(self) -> None:
        """Disarm."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, when: float) -> None:
        self.end()
        self._timer = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        if self._loop.time() < self._deadline:
            self._arm(self._deadline)
        elif self._task is not None:
            self._out = True
            self._task.cancel()
