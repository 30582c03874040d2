"""Did our own event loop stand still? Then a timeout says nothing about the upstream.

A timer that should run every tenth of a second measures how late it comes. After a stall the timers of waiting calls
fire before the bytes that came meanwhile are read, so that what fails now, or a moment after, is our own fault. Limits
on upstreams leave out what was lost (`providers/http/patience.py`).
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final
from weakref import WeakKeyDictionary

TICK_S: Final = 0.1
STALL_S: Final = 0.5  # later than that is a stall: half of the shortest limit that anybody sets on a phase
GRACE_S: Final = 1.0  # what was due during a stall ends within this

_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, "LoopWatch"] = WeakKeyDictionary()


def lost_s(loop: asyncio.AbstractEventLoop) -> float:
    """Seconds that this loop has lost to stalls so far, with what it needs after each; 0 where nobody watches it."""
    watch = _watches.get(loop)
    return watch.lost_s() if watch is not None else 0.0


class LoopWatch:
    """Watches one event loop; `told` is given every tick's lag in seconds."""

    def __init__(
        self, told: Callable[[float], None] = lambda lag_s: None, clock: Callable[[], float] = monotonic
    ) -> None:
        self._told, self._clock = told, clock
        self._due: float | None = None  # None: not watching
        self._blamed_until = 0.0
        self._lost_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Watch the running loop."""
        _watches[asyncio.get_running_loop()] = self
        self._wait()

    def stop(self) -> None:
        self._due = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None  # it holds the loop

    def stalled(self, now: float) -> bool:
        """Whether the loop stands still, or has only just come back."""
        return now < self._blamed_until or (self._due is not None and now - self._due > STALL_S)

    def lost_s(self) -> float:
        """Seconds in which the loop stood still, and `GRACE_S` after each time for what had come meanwhile."""
        return self._lost_s + (_loss_s(self._clock() - self._due) if self._due is not None else 0.0)

    def _wait(self) -> None:
        self._due = self._clock() + TICK_S
        self._timer = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        now = self._clock()
        assert self._due is not None
        lag_s = max(now - self._due, 0.0)
        if lag_s > STALL_S:
            self._blamed_until = now + GRACE_S
            self._lost_s += _loss_s(lag_s)
        self._wait()
        self._told(lag_s)


def _loss_s(lag_s: float) -> float:
    return lag_s + GRACE_S if lag_s > STALL_S else 0.0
