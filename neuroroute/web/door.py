"""When has a worker more work than it can do, and how much of it comes in then?

Streams that wait for their upstreams are no load, and many requests in flight are none as long as their bytes are few:
what counts is how late the event loop runs what is due, and only so far as its own work makes it late: a machine whose
other processes are busy is no reason to refuse. Lateness that lasts begins a time of shedding, in which no more
requests may run than when it began; that number shrinks while turns of the loop are long (the longer, the faster) and
grows while they are short. When a quarter of them have ended, as many are let in together, so the worker is never idle.
It ends when nobody had to be refused for a while. The clock ticks only while requests come.
"""

import asyncio
from collections.abc import Callable
from math import exp, inf
from time import thread_time
from typing import Final

TICK_S: Final = 0.005
LATE_S: Final = 0.025  # a request takes some five turns of the loop: an eighth of a second of waiting
SHORT_S: Final = 0.008  # turns to aim at while it sheds: whoever comes in is served quickly, and from the caches
PATIENCE_S: Final = 0.03  # one long turn (a big body, a collection) is no overload
CALM_S: Final = 1.0
SHRINK, GROW = 0.5, 3.0  # of the limit's logarithm, per second; it shrinks faster the later the loop is
REFILL: Final = 0.75  # of the limit: they come in together, and go through the same steps together, from the caches
LEAST: Final = 64.0  # fewer do not make a loop late: it is the machine then


class Door:
    """Says who may come in; whoever may not is to be refused, and `refused` counts those until `told` has heard it."""

    def __init__(self, running: Callable[[], int], told: Callable[[int], None] = lambda refused: None) -> None:
        self.limit = inf  # of requests that run at once
        self.refused = 0
        self._running, self._told = running, told
        self._asleep = self._filling = True
        self._came = self._turned_away = False
        self._late_since: float | None = None
        self._last_refusal = 0.0

    @property
    def shut(self) -> bool:
        """Whether some are refused at present."""
        return self.limit < inf

    def enter(self) -> bool:
        """Let a request in beside those that run, or not."""
        self._came = True
        if self._asleep:
            self._asleep = False
            self._arm(asyncio.get_running_loop())
        if self.limit == inf:
            return True
        running = self._running()
        self._filling = running < (self.limit if self._filling else self.limit * REFILL)
        if self._filling:
            return True
        self._turned_away = True
        return False

    def look(self, now: float, late_s: float) -> None:
        """Judge by one tick, before which the loop worked for `late_s` seconds longer than it should have."""
        if late_s <= LATE_S:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = now - late_s
        if self.limit < inf:
            self._adapt(now, late_s)
        elif self._late_since is not None and now - self._late_since >= PATIENCE_S:
            self.limit, self._last_refusal = max(float(self._running()), LEAST), now

    def _adapt(self, now: float, late_s: float) -> None:
        if late_s > SHORT_S:  # the later, the faster
            self.limit = max(self.limit * exp(-SHRINK * (TICK_S + late_s) * late_s / SHORT_S), LEAST)
        elif self._turned_away:
            self.limit *= exp(GROW * (TICK_S + late_s))
        if self._turned_away:
            self._last_refusal = now
        elif now - self._last_refusal > CALM_S:
            self.limit = inf
        self._turned_away = False

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.call_later(TICK_S, self._tick, loop, thread_time())

    def _tick(self, loop: asyncio.AbstractEventLoop, worked_before_s: float) -> None:
        self.look(loop.time(), max(thread_time() - worked_before_s - TICK_S, 0.0))
        if self.refused:
            self._told(self.refused)
            self.refused = 0
        if self._came or self.limit < inf:
            self._came = False
            self._arm(loop)
        else:
            self._asleep = True
