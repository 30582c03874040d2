"""Which requests does this worker answer now, and how many has it begun lately? Kept by the engine, read by who asks.

A request pays for its entry and its removal, about half a microsecond; all else is done by the worker's tick
and by those who look. What is read may be read from any thread: it is copied first.
"""

import asyncio
from collections import Counter
from time import time
from typing import Final, NamedTuple

from msgspec import Struct

from routing.answering.story import Story
from usage.outcomes import AttemptOutcome

SAMPLE_S: Final = 2  # between samples: the worker's tick
KEPT: Final = 160  # samples: five minutes, and some that the clocks of several machines may differ by


class Bearer(NamedTuple):
    """Who began a request: all that is known of it then."""

    tenant_id: int
    key_id: int


class Marks(NamedTuple):
    """What a running request is looked for by. `model` is that of the deployment that is asked, or was last; while
    nobody was, it is what the request asks for, and there is no provider or deployment."""

    tenant_id: int
    key_id: int
    provider: str | None
    model: str
    deployment: str | None


class Sample(Struct, frozen=True):
    """`SAMPLE_S` seconds of one worker: requests begun in them, and running at their end."""

    begun: dict[tuple[int, int], int]  # by the fields of a `Bearer`: a bare tuple is made in a third of the time
    running: dict[Marks, int]


class Running:
    """The requests of one worker that are not over. Those of the drill are left out: they count nowhere."""

    __slots__ = ("_begun", "_samples", "_stories")

    def __init__(self) -> None:
        self._stories: dict[str, Story] = {}  # by request id, in the order of their beginning
        self._begun: dict[tuple[int, int], int] = {}
        self._samples: dict[int, Sample] = {}  # by its number: seconds since the epoch / SAMPLE_S

    def enter(self, story: Story) -> None:
        """A request begins, in the task that calls this."""
        outcome = story.outcome
        if outcome.apart:
            return
        story.task = asyncio.current_task()
        self._stories[outcome.id] = story
        bearer = (outcome.tenant_id, outcome.key_id)
        self._begun[bearer] = self._begun.get(bearer, 0) + 1

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
        self._samples[number] = Sample(begun, Counter(map(marks_of, self._stories.values())))
        while len(self._samples) > KEPT:
            del self._samples[next(iter(self._samples))]
        return SAMPLE_S - now % SAMPLE_S


def marks_of(story: Story) -> Marks:
    """What a request is looked for by at this moment."""
    outcome, asked = story.outcome, asked_of(story)
    if asked is None:
        return Marks(outcome.tenant_id, outcome.key_id, None, outcome.asked_model, None)
    return Marks(outcome.tenant_id, outcome.key_id, asked.provider, asked.model, asked.deployment)


def asked_of(story: Story) -> AttemptOutcome | None:
    """Who speaks, else who is asked or was last; None: nobody was asked yet."""
    attempts = story.outcome.attempts
    runs = [attempt for attempt in attempts if not attempt.ended_ms]
    speaks = [attempt for attempt in runs if attempt.committed]
    return next(iter((speaks or runs or attempts)[-1:]), None)
