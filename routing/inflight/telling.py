"""What does one worker say about the requests that it is answering, and the configuration that it serves them by?"""

import os
import socket
from collections.abc import Collection, Mapping
from typing import Final, Literal

from msgspec import Struct

from routing.answering.running import ByTenant, Running
from routing.answering.story import CHARACTERS_PER_TOKEN, Story
from usage.outcomes import AttemptOutcome

State = Literal["queued", "waiting", "streaming", "failing over", "retrying"]
MOST_ROWS: Final = 200  # of one answer: nobody reads more, and they would be written on the workers' time


class InFlight(Struct, frozen=True):
    """One request that is not over. `tokens` is what has come so far, None while nothing has: a whole answer comes in
    one piece. `queued` waits for its turn, `waiting` for the first token."""

    id: str
    began_us: int  # UTC, since the epoch
    state: State
    tenant_id: int
    tenant: str
    key_prefix: str
    surface: str
    stream: bool
    asked_model: str
    policy: str | None
    deployment: str | None  # who is asked now, or was last; None: nobody was asked yet
    provider: str | None
    attempts: int
    tokens: int | None
    estimated: bool


class Question(Struct, frozen=True):
    """Asked of every worker. `tenants` None: all of them. With `only`, a request's id, about that one alone; with
    `cancel` it is to end. With `configuration`, which revisions it serves, and of no request."""

    answer_to: str = ""
    tenants: list[int] | None = None
    only: str | None = None
    cancel: bool = False
    configuration: bool = False


class Told(Struct, frozen=True):
    """One worker's answer. `begun` and `running` are sums by the number of their sample; `since` is the first one that
    it has, None where it has just begun. `worker` and `serves`, a revision per part of the configuration, are told
    when asked for."""

    rows: list[InFlight]
    total: int
    begun: dict[int, int] = {}
    running: dict[int, int] = {}
    since: int | None = None
    worker: str = ""
    serves: dict[str, int] = {}


def told(question: Question, running: Running, serves: Mapping[str, int] | None = None) -> Told:
    """The answer, as far as the tenants in question go. With `cancel`, call it from the event loop's thread."""
    if question.configuration:
        return Told([], 0, worker=f"{socket.gethostname()}:{os.getpid()}", serves=dict(serves or {}))
    seen = None if question.tenants is None else frozenset(question.tenants)
    if question.only is not None:
        story = running.find(question.only)
        if story is None or not _is_seen(story, seen):
            return Told([], 0)
        row = row_of(story)
        if question.cancel:
            story.cancel()
        return Told([row], 1)
    stories = [story for story in running.stories() if _is_seen(story, seen)]
    samples = running.samples()
    return Told(
        [row_of(story) for story in stories[:MOST_ROWS]],
        len(stories),
        {number: _sum(sample.begun, seen) for number, sample in samples.items()},
        {number: _sum(sample.running, seen) for number, sample in samples.items()},
        min(samples, default=None),
    )


def row_of(story: Story) -> InFlight:
    """One request as it is now."""
    outcome = story.outcome
    asked = _asked(outcome.attempts)
    tokens, estimated = _tokens(story)
    return InFlight(
        id=outcome.id,
        began_us=outcome.started_us,
        state=state_of(story),
        tenant_id=outcome.tenant_id,
        tenant=outcome.tenant,
        key_prefix=outcome.key_prefix,
        surface=outcome.surface,
        stream=outcome.stream,
        asked_model=outcome.asked_model,
        policy=outcome.policy,
        deployment=asked.deployment if asked else None,
        provider=asked.provider if asked else None,
        attempts=len(outcome.attempts),
        tokens=tokens,
        estimated=estimated,
    )


def state_of(story: Story) -> State:
    """What the request waits for, or that it streams."""
    attempts = story.outcome.attempts
    runs = [attempt for attempt in attempts if not attempt.ended_ms]
    if not runs:
        return "retrying" if attempts else "queued"  # a pause stands before asking somebody again
    if any(attempt.committed for attempt in runs):
        return "streaming"
    kinds = {attempt.kind for attempt in runs}
    if kinds & {"first", "hedge"}:
        return "waiting"
    return "retrying" if kinds == {"retry"} else "failing over"


def _asked(attempts: list[AttemptOutcome]) -> AttemptOutcome | None:
    """Who speaks, else who is asked or was last."""
    runs = [attempt for attempt in attempts if not attempt.ended_ms]
    speaks = [attempt for attempt in runs if attempt.committed]
    return next(iter((speaks or runs or attempts)[-1:]), None)


def _tokens(story: Story) -> tuple[int | None, bool]:
    """Tokens of the answer so far, and whether they are our estimate."""
    attempt = story.attempt
    if attempt is None or not attempt.answer_length:
        return None, False
    if attempt.usage is not None and attempt.usage.completion:
        return attempt.usage.completion, attempt.usage.estimated
    return int(attempt.answer_length / CHARACTERS_PER_TOKEN) + 1, True


def _is_seen(story: Story, seen: Collection[int] | None) -> bool:
    return seen is None or story.outcome.tenant_id in seen


def _sum(counted: ByTenant, seen: Collection[int] | None) -> int:
    return sum(number for tenant, number in counted.items() if seen is None or tenant in seen)
