"""Which requests does this worker answer now, and how many has it begun lately? Kept by the engine, read by who asks.

A request pays for its entry and its removal, less than half a microsecond; all else is done by the worker's tick
and by those who look. What is read may be read from any thread: it is copied first.
"""

import asyncio
from time import time
from typing import Final

from msgspec import Struct

from routing.answering.story import Story

SAMPLE_S: Final = 2  # between samples: the worker's tick
KEPT: Final = 160  # samples: five minutes, and some that the clocks of several machines may differ by

ByTenant = dict[int, int]


class Sample(Struct, frozen=True):
    """`SAMPLE_S` seconds of one worker: requests begun in them, and running at their end."""

    begun: ByTenant
    running: ByTenant


class Running:
    """The requests of one worker that are not over. Those of the drill are left out: they count nowhere."""

    __slots__ = ("_begun", "_samples", "_stories")

    def __init__(self) -> None:
        self._stories: dict[str, Story] = {}  # by request id, in the order of their beginning
        self._begun: ByTenant = {}
        self._samples: dict[int, Sample] = {}  # by its number: seconds since the epoch / SAMPLE_S

    def enter(self, story: Story) -> None:
        """A request begins, in the task that calls this."""
        outcome = story.outcome
        if outcome.apart:
            return
        story.task = asyncio.current_task()
        self._stories[outcome.id] = story
        self._begun[outcome.tenant_id] = self._begun.get(outcome.tenant_id, 0) + 1

    def leave(self, story: Story) -> None:
        """It is over."""
        self._stories.pop(story.outcome.id, None)

    def stories(self) -> list[Story]:
        """Those that run, the oldest first."""
        return list(self._stories.values())

    def find(self, request_id: str) -> Story | None:
        return self._stories.get(request_id)

    def samples(self) -> dict[int, Sample]:
        """The last minutes, by the numbers of the samples."""
        return dict(self._samples)

    def sample(self, now: float | None = None) -> float:
        """Note the time that has just passed; answer the seconds to the next sample. `now`: since the epoch."""
        now = time() if now is None else now
        number = round(now / SAMPLE_S) - 1
        begun, self._begun = self._begun, {}
        if (before := self._samples.get(number)) is not None:  # the clock was set back, or the tick came early
            begun = {key: begun.get(key, 0) + before.begun.get(key, 0) for key in begun | before.begun}
        running: ByTenant = {}
        for story in self._stories.values():
            running[story.outcome.tenant_id] = running.get(story.outcome.tenant_id, 0) + 1
        self._samples[number] = Sample(begun, running)
        while len(self._samples) > KEPT:
            del self._samples[next(iter(self._samples))]
        return SAMPLE_S - now % SAMPLE_S
