"""Did our own event loop stand still? Then a timeout says nothing about the upstream.

A timer that should run every tenth of a second measures how late it comes. After a stall the timers of waiting calls
fire before the bytes that came meanwhile are read, so that what fails now, or a moment after, is our own fault.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

TICK_S: Final = 0.1
STALL_S: Final = 0.5  # later than that is a stall: half of the shortest limit that anybody sets on a phase
GRACE_S: Final = 1.0  # what was due during a stall ends within this


class LoopWatch:
    """Watches one event loop; `told` is given every tick's lag in seconds."""

    def __init__(
        self, told: Callable[[float], None] = lambda lag_s: None, clock: Callable[[], float] = monotonic
    ) -> None:
        self._told, self._clock = told, clock
        self._due: float | None = None  # None: not watching
        self._blamed_until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Watch the running loop."""
        self._due = self._clock() + TICK_S
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def stop(self) -> None:
        self._due = None
        if self._timer is not None:
            self._timer.cancel()

    def stalled(self, now: float) -> bool:
        """Whether the loop stands still, or has only just come back."""
        return now < self._blamed_until or (self._due is not None and now - self._due > STALL_S)

    def _tick(self) -> None:
        now = self._clock()
        assert self._due is not None
        lag_s = max(now - self._due, 0.0)
        if lag_s > STALL_S:
            self._blamed_until = now + GRACE_S
        self.start()
        self._told(lag_s)
