"""What do all workers of the installation answer now? Asked through Redis, where they share one; else of this process.

Call it from a view's thread, never on the event loop: it waits, at most `PATIENCE_S`, about one request `LONGER_S`.
"""

from concurrent.futures import Future
from functools import cache
from time import monotonic, time
from typing import Any, Final
from uuid import uuid4

import msgspec
from django.conf import settings
from msgspec import Struct
from msgspec.structs import replace
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from providers.headroom import Headroom
from routing.answering.running import SAMPLE_S
from routing.inflight.hearing import channel
from routing.inflight.telling import MOST_ROWS, InFlight, Question, Told, Wanted, told
from routing.runtime import runtime
from tenants.sight import Sight

PATIENCE_S: Final = 0.6  # for the slowest worker
LONGER_S: Final = 3.0  # about one request: who has it ends the wait, and one that runs must not be told to have ended
STEP_S: Final = 4  # of the curves: whole samples
MINUTES: Final = 5
STEPS: Final = MINUTES * 60 // STEP_S
SETTLED_S: Final = 1.0  # so long after its end the last sample of a step is there
EVERYTHING: Final = Wanted()
_told: Final = msgspec.json.Decoder(Told).decode


class Answers(Struct, frozen=True):
    """What the workers said. `asked` of them were there; `alone`: Redis is away, so this process spoke for itself."""

    told: tuple[Told, ...]
    asked: int
    alone: bool = False


class Live(Struct, frozen=True):
    """All that runs, the oldest first, and the last minutes in steps of `STEP_S`, None where a worker cannot say.

    `per_s` are requests begun per second, `running` those in flight. `total` counts also what is beyond `MOST_ROWS`.
    """

    rows: tuple[InFlight, ...]
    total: int
    per_s: tuple[float | None, ...]
    running: tuple[int | None, ...]
    answered: int  # workers
    asked: int
    alone: bool

    @property
    def whole(self) -> bool:
        """Whether every worker was heard."""
        return not self.alone and self.answered == self.asked


def live(sight: Sight, wanted: Wanted = EVERYTHING, now: float | None = None) -> Live:
    """What runs of the tenants in sight, as far as it is wanted."""
    answers = _everybody(Question(tenants=_tenants(sight), wanted=wanted))
    rows = sorted((row for one in answers.told for row in one.rows), key=lambda row: (row.began_us, row.id))
    begun, running = _curves(answers.told, time() if now is None else now)
    return Live(
        tuple(rows[:MOST_ROWS]),
        sum(one.total for one in answers.told),
        tuple(None if number is None else number / STEP_S for number in begun),
        running,
        len(answers.told),
        answers.asked,
        answers.alone,
    )


class Holding(Struct, frozen=True):
    """The requests for which something is set aside of budgets, the oldest first; `total` counts also those beyond
    `MOST_ROWS`. `answered` of the `asked` workers told; `alone`: Redis is away, this process spoke for itself."""

    rows: tuple[InFlight, ...]
    total: int
    answered: int
    asked: int
    alone: bool

    @property
    def whole(self) -> bool:
        """Whether every worker was heard."""
        return not self.alone and self.answered == self.asked


def holding(sight: Sight) -> Holding:
    """What is set aside for requests of the tenants in sight at this moment."""
    answers = _everybody(Question(tenants=_tenants(sight), holding=True))
    rows = sorted((row for one in answers.told for row in one.rows if row.held), key=lambda row: (row.began_us, row.id))
    total = sum(one.total for one in answers.told)
    return Holding(tuple(rows[:MOST_ROWS]), total, len(answers.told), answers.asked, answers.alone)


class Serving(Struct, frozen=True):
    """Which revision of each part of the configuration the workers serve, by worker. `asked` of them were there."""

    workers: dict[str, dict[str, int]]
    asked: int
    alone: bool


def serving() -> Serving:
    """What each worker serves by; one of an older version of the software does not say."""
    answers = _everybody(Question(configuration=True))
    return Serving({one.worker: one.serves for one in answers.told if one.worker}, answers.asked, answers.alone)


class Headrooms(Struct, frozen=True):
    """What upstreams told of their rate limits, the newest word on each deployment and credential."""

    known: tuple[Headroom, ...]
    whole: bool  # whether every worker was heard


def headrooms() -> Headrooms:
    """What any worker was told."""
    answers = _everybody(Question(headroom=True))
    newest: dict[tuple[str, str], Headroom] = {}
    for one in sorted((each for said in answers.told for each in said.headroom), key=lambda each: each.told_us):
        newest[one.deployment, one.last_four] = one
    return Headrooms(tuple(newest.values()), not answers.alone and len(answers.told) == answers.asked)


def find(request_id: str, sight: Sight) -> InFlight | None:
    """A running request in sight, by its 32 hex digits."""
    return _row(_everybody(Question(tenants=_tenants(sight), only=request_id)))


def cancel(request_id: str, sight: Sight) -> InFlight | None:
    """End a request in sight; how it was when it was ended, or None: it had ended by itself."""
    return _row(_everybody(Question(tenants=_tenants(sight), only=request_id, cancel=True)))


def _row(answers: Answers) -> InFlight | None:
    return next((row for one in answers.told for row in one.rows), None)


def _tenants(sight: Sight) -> list[int] | None:
    return None if sight is None else sorted(sight)


def _everybody(question: Question) -> Answers:
    if not settings.REDIS_URL:
        return Answers(_here(question), 1)
    try:
        return _asked(question)
    except (RedisError, OSError):
        return Answers(_here(question), 1, alone=True)


def _patience_s(question: Question) -> float:
    return PATIENCE_S if question.only is None else LONGER_S


def _here(question: Question) -> tuple[Told, ...]:
    """This process's own answer; what it changes, it changes on the loop that serves. None where that stands still."""
    now = runtime()
    if now.loop is None or not now.loop.is_running():  # nobody answers requests here, or not yet
        return (told(question, now.engine.running, now.watcher.serving),)
    done: Future[Told] = Future()
    now.loop.call_soon_threadsafe(lambda: done.set_result(told(question, now.engine.running, now.watcher.serving)))
    try:
        return (done.result(_patience_s(question)),)
    except TimeoutError:
        return ()


def _asked(question: Question) -> Answers:
    """Ask through Redis, which says how many workers listen. About one request, the first that has it ends the wait."""
    client, until = _client(), monotonic() + _patience_s(question)
    place = f"{settings.REDIS_PREFIX}:inflight:{uuid4().hex}"
    asked: int = client.publish(channel(settings.REDIS_PREFIX), msgspec.json.encode(replace(question, answer_to=place)))
    heard: list[Told] = []
    while len(heard) < asked and (left_s := until - monotonic()) > 0:
        # 0 would be for ever, and more than the client's own time limit an error.
        found: Any = client.blpop([place], timeout=min(max(left_s, 0.01), PATIENCE_S))
        if found is None:
            continue
        heard.append(_told(found[1]))
        if question.only is not None and heard[-1].rows:
            break
    return Answers(tuple(heard), asked)


@cache
def _client() -> Redis:
    """This process's, for any thread."""
    return Redis.from_url(
        settings.REDIS_URL, socket_timeout=1.0, socket_connect_timeout=1.0, retry=Retry(NoBackoff(), 0)
    )


def _curves(answers: tuple[Told, ...], now: float) -> tuple[tuple[int | None, ...], tuple[int | None, ...]]:
    """Begun and running per step, the workers added up."""
    each = STEP_S // SAMPLE_S
    end = int((now - SETTLED_S) // STEP_S) * each
    steps = [range(first, first + each) for first in range(end - STEPS * each, end, each)]
    begun = tuple(_added([_step(one, one.begun, step) for one in answers]) for step in steps)
    return begun, tuple(_added([_last(one, step) for one in answers]) for step in steps)


def _step(one: Told, numbers: dict[int, int], step: range) -> int | None:
    """What a worker counted in a step; before its first sample it was not there, so it had nothing to count."""
    if one.since is None or one.since >= step.stop:
        return None
    found = [numbers.get(number) for number in step if number >= one.since]
    return None if None in found else sum(number for number in found if number is not None)


def _last(one: Told, step: range) -> int | None:
    """What a worker had running at the end of a step."""
    return one.running.get(step.stop - 1)


def _added(numbers: list[int | None]) -> int | None:
    """A worker that was not there adds nothing; where nobody was there, nobody knows."""
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None
