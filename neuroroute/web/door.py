"""How much work comes in at a time, and when is there so much of it that some must be refused?

A worker is one event loop. Whatever comes in together goes through the same steps in the same turns of the loop, so a
crowd makes the turns long: everybody is late, and an answer costs half as much again because nothing stays in the
processor's caches. So a few are let in per turn; the others wait before the door, first come, first served, without
a task. That number falls while turns are long and grows while they are short, whatever makes them long: streams that
wait for their upstreams are no load, chunks that arrive are.

Who waits comes in. Once the first in the row has waited for too long, the row may not be long any more: whoever finds
it so is refused, at once, for refusals need no turn. All this is counted in processor time: a machine whose other
processes are busy is no reason to refuse.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from math import inf
from time import thread_time
from typing import Final

LONG_S: Final = 0.008  # turns to aim at
FEWEST, MOST = 1, 8  # let in per turn: a long one halves the number, a short one adds one
PATIENCE_S: Final = 0.25  # a crowd that comes at once is no overload
ROW: Final = 2  # turns' worth may wait once some had to be refused: the worker is never idle, and nobody waits for long
CALM_S: Final = 1.0  # of processor time without refusals, and patience is back

Start = Callable[[], None]


def _soon(call: Start) -> None:
    asyncio.get_running_loop().call_soon(call)


class Door:
    """Starts requests, now or in a later turn of the loop; `shut` says that whoever comes is to be refused instead.

    `refused` counts those until `told` has heard it. `clock` counts seconds of work, `soon` calls in the next turn.
    """

    def __init__(
        self,
        told: Callable[[int], None] = lambda refused: None,
        clock: Callable[[], float] = thread_time,
        soon: Callable[[Start], None] = _soon,
    ) -> None:
        self.shut = False
        self.refused = 0
        self._told, self._clock, self._soon = told, clock, soon
        self._waiting: deque[tuple[float, Start]] = deque()
        self._per_turn = self._room = MOST
        self._row = inf  # how many may wait
        self._turning = False  # a next turn is asked for
        self._turned_s = 0.0  # when the latest turn that was asked for began
        self._refused_s = -CALM_S

    def enter(self, start: Start) -> None:
        """Start a request as soon as its turn comes."""
        if self._room and not self._waiting:
            self._room -= 1
            start()
            if self._room:
                return
        else:
            self._waiting.append((self._turned_s, start))
            self.shut = len(self._waiting) >= self._row
        if not self._turning:
            self._turning, self._turned_s = True, self._clock()
            self._soon(self._turn)

    def _turn(self) -> None:
        now = self._clock()
        long = now - self._turned_s > LONG_S
        self._per_turn = max(self._per_turn // 2, FEWEST) if long else min(self._per_turn + 1, MOST)
        self._turned_s, self._room = now, self._per_turn
        while self._waiting and self._room:
            self._room -= 1
            self._waiting.popleft()[1]()
        self._judge(now)
        self._turning = bool(self._waiting) or not self._room
        if self._turning:
            self._soon(self._turn)

    def _judge(self, now: float) -> None:
        if self.refused:
            self._told(self.refused)
            self.refused, self._refused_s = 0, now
        if self._waiting and now - self._waiting[0][0] > PATIENCE_S:
            self._refused_s = now
        refusing = now - self._refused_s < CALM_S
        self._row = ROW * self._per_turn if refusing else inf
        self.shut = len(self._waiting) >= self._row
