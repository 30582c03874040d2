"""What does one worker say about the requests that it is answering, and the configuration that it serves them by?"""

import os
import socket
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from providers.headroom import Headroom, headrooms
from routing.answering.running import Bearer, Marks, Running, asked_of, marks_of
from routing.answering.story import Story
from routing.answering.tries import CHARACTERS_PER_TOKEN

State = Literal["queued", "waiting", "streaming", "failing over", "retrying"]
MOST_ROWS: Final = 200  # of one answer: nobody reads more, and they would be written on the workers' time


class Held(Struct, frozen=True):
    """What an attempt that runs has set aside of a window of a hard budget: its worst case, in the budget's unit."""

    budget_id: int
    start: int  # of the window, seconds since the epoch
    amount: int
    since_us: int  # UTC, since the epoch
    deployment: str


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
    held: list[Held] = []  # what is set aside for it at this moment


class Wanted(Struct, frozen=True):
    """Which requests are looked for, by what they carry; None is no filter. See `routing.answering.running.Marks`."""

    key_id: int | None = None
    provider: str | None = None
    model: str | None = None
    deployment: str | None = None

    @property
    def by_bearer(self) -> bool:
        """Whether it is known of a request as soon as it begins that it is meant."""
        return self.provider is self.model is self.deployment is None


class Question(Struct, frozen=True):
    """Asked of every worker. `tenants` None: all of them. With `only`, a request's id, about that one alone; with
    `cancel` it is to end. With `configuration`, which revisions it serves, with `headroom`, what upstreams told it of
    their rate limits, and of no request; with `holding` about those alone for which money or tokens are set aside."""

    answer_to: str = ""
    tenants: list[int] | None = None
    wanted: Wanted = Wanted()
    only: str | None = None
    cancel: bool = False
    configuration: bool = False
    headroom: bool = False
    holding: bool = False


class Told(Struct, frozen=True):
    """One worker's answer. `begun` and `running` are sums by the number of their sample; `begun` is empty where nobody
    can tell of what begins whether it is wanted. `since` is the first sample that the worker has, None where it has
    just begun. `worker` and `serves`, a revision per part of the configuration, are told when asked for."""

    rows: list[InFlight]
    total: int
    begun: dict[int, int] = {}
    running: dict[int, int] = {}
    since: int | None = None
    worker: str = ""
    serves: dict[str, int] = {}
    headroom: list[Headroom] = []


def told(question: Question, running: Running, serves: Mapping[str, int] | None = None) -> Told:
    """The answer, as far as the tenants in question go. With `cancel`, call it from the event loop's thread."""
    if question.configuration:
        return Told([], 0, worker=f"{socket.gethostname()}:{os.getpid()}", serves=dict(serves or {}))
    if question.headroom:
        return Told([], 0, headroom=headrooms())
    if question.only is not None:
        story = running.find(question.only)
        if story is None or not _is_meant(marks_of(story), question):
            return Told([], 0)
        row = row_of(story)
        if question.cancel:
            story.cancel()
        return Told([row], 1)
    stories = [story for story in running.stories() if _is_meant(marks_of(story), question)]
    if question.holding:
        holding = [story for story in stories if held_by(story)]
        return Told([row_of(story) for story in holding[:MOST_ROWS]], len(holding))
    samples = running.samples()
    counted = samples.items() if question.wanted.by_bearer else ()
    return Told(
        [row_of(story) for story in stories[:MOST_ROWS]],
        len(stories),
        {number: _sum(map(Bearer._make, sample.begun), sample.begun, question) for number, sample in counted},
        {number: _sum(sample.running, sample.running, question) for number, sample in samples.items()},
        min(samples, default=None),
    )


def row_of(story: Story) -> InFlight:
    """One request as it is now."""
    outcome = story.outcome
    asked = asked_of(story)
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
        held=held_by(story),
    )


def held_by(story: Story) -> list[Held]:
    """What is set aside for its attempts that run. One that is over took what it cost, and waits for the shipper."""
    began_us, attempts = story.outcome.started_us, story.outcome.attempts
    charges = [(charge, attempts[charge.attempt - 1]) for charge in story.outcome.charges if charge.lease is not None]
    return [
        Held(
            charge.budget_id, charge.start, charge.amount, began_us + round(attempt.started_ms * 1000),
            attempt.deployment,
        )
        for charge, attempt in charges
        if not attempt.ended_ms
    ]  # fmt: skip


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


def _tokens(story: Story) -> tuple[int | None, bool]:
    """Tokens of the answer so far, and whether they are our estimate."""
    attempt = story.attempt
    if attempt is None or not attempt.answer_length:
        return None, False
    if attempt.usage is not None and attempt.usage.completion:
        return attempt.usage.completion, attempt.usage.estimated
    return int(attempt.answer_length / CHARACTERS_PER_TOKEN) + 1, True


def _is_meant(marks: Marks | Bearer, question: Question) -> bool:
    """Whether it is of a tenant in question and carries all that is wanted; what `marks` has no word for fits."""
    if question.tenants is not None and marks.tenant_id not in question.tenants:
        return False
    words = ((name, getattr(question.wanted, name)) for name in question.wanted.__struct_fields__)
    return all(word is None or (getattr(marks, name, word) or "") == word for name, word in words)


def _sum(marks: Iterable[Marks | Bearer], counted: Mapping[Any, int], question: Question) -> int:
    return sum(counted[each] for each in marks if _is_meant(each, question))
