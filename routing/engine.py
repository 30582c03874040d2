"""Which deployment answers, and what if it fails? Plan, attempt, fail over until the commit point, settle, record.

`answer` asks for a whole answer, `stream` for a streamed one; both walk the same plan by the same rules:
a candidate that fails before the commit point hands over to the next; only when nobody is left is one asked again.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from random import Random
from time import monotonic, time_ns
from typing import Final, Protocol

from providers import attempts
from providers.chat import Answer, ChatRequest, Chunk, TokenUsage
from providers.errors import (
    BadUpstreamResponse,
    ContextTooLong,
    ProviderError,
    RateLimited,
    Unreachable,
    UnsupportedByWire,
)
from providers.requests import Request
from providers.targets import Target
from routing.asked import Asked
from routing.errors import AllAttemptsFailed, GatewayStopping
from routing.evidence import EvidenceBook
from routing.planner import Planner
from routing.resilience import Health
from routing.serving import Bound, ServingBook
from routing.story import Story, Try
from tenants.callers import Caller
from usage.errors import JournalUnavailable
from usage.outcomes import Outcome

MOST_ATTEMPTS: Final = 8  # of one request, whoever is asked
FIRST_BACKOFF_S: Final = 0.25
LONGEST_BACKOFF_S: Final = 4.0


class Journal(Protocol):
    """Where outcomes go; `write` returns when the outcome would survive a kill."""

    def write(self, outcome: Outcome) -> None: ...


@dataclass(slots=True)
class Engine:
    """The engine with everything that it acts upon; nothing here touches the database."""

    planner: Planner
    health: Health
    evidence: EvidenceBook
    journal: Journal
    serving: ServingBook = field(default_factory=ServingBook)
    clock: Callable[[], float] = monotonic
    rng: Random = field(default_factory=Random)
    stopping: bool = False  # what is broken off from now on is our doing, not the client's

    async def answer(self, asked: Asked[Request], caller: Caller) -> tuple[Answer, Outcome]:
        """The first candidate's whole answer, with the story; raises `GatewayError`. Recorded before it returns."""
        story = self._open(asked, caller)
        error: BaseException | None = None
        try:
            story.planned(self.planner.plan(asked, caller))
            for target, pause_s in self._turns(story):
                if pause_s:
                    await self._pause(story, pause_s)
                with self._begin(story, target) as attempt:
                    got = await attempts.complete(asked.request, attempt.target, attempt.secret, attempt.marks)
                    attempt.answered(got)
                    return got, story.outcome
            raise exhausted(story)
        except BaseException as exc:
            error = exc
            raise
        finally:
            self._record(story, error)

    async def stream(
        self, asked: Asked[ChatRequest], caller: Caller
    ) -> AsyncGenerator[tuple[list[Chunk], Outcome], None]:
        """Yield batches of chunks of the first candidate that starts to answer; raises `GatewayError`.

        Nothing is yielded before the first content, so until then failover is invisible. Recorded before it ends;
        consume it inside `contextlib.aclosing`, else a client that leaves is recorded late.
        """
        story = self._open(asked, caller)
        error: BaseException | None = None
        try:
            story.planned(self.planner.plan(asked, caller))
            for target, pause_s in self._turns(story):
                if pause_s:
                    await self._pause(story, pause_s)
                with self._begin(story, target) as attempt:
                    async with aclosing(self._batches(asked.request, story, attempt)) as batches:
                        async for batch in batches:
                            yield batch, story.outcome
                    attempt.outcome.status = "answered"
                    return
            raise exhausted(story)
        except BaseException as exc:
            error = exc
            raise
        finally:
            self._record(story, error)

    async def _batches(self, request: ChatRequest, story: Story, attempt: Try) -> AsyncGenerator[list[Chunk], None]:
        """One attempt's batches; what comes before the first content is held back until then."""
        held: list[Chunk] = []
        source = attempts.stream(request, attempt.target, attempt.secret, attempt.marks)
        async with aclosing(source) as batches:
            async for batch in batches:
                content = attempt.saw(batch)
                if attempt.committed:
                    yield batch
                    continue
                held += batch
                if content:
                    story.commit(attempt)
                    yield held
        if not attempt.committed:
            if not held:
                raise BadUpstreamResponse("the stream ended without a single event")
            story.commit(attempt)
            yield held

    async def _pause(self, story: Story, seconds: float) -> None:
        """Wait before asking again; it is not our own time."""
        began = self.clock()
        try:
            await asyncio.sleep(seconds)
        finally:
            story.waited_s += self.clock() - began

    def _record(self, story: Story, error: BaseException | None) -> None:
        """Write the story down; raises `JournalUnavailable`: what is not recorded is not answered."""
        if self.stopping and error is not None and not isinstance(error, Exception):
            error = GatewayStopping("the worker ended before the answer did")
        if story.marks:
            last = story.outcome.attempts[-1]
            self.serving.note(story.outcome.tenant_id, story.marks, Bound(last.deployment_id, last.deployment))
        try:
            self.journal.write(story.finish(error))
        except JournalUnavailable:
            if error is None or isinstance(error, Exception):
                raise  # a client that left must stay one: nobody is there to read another error

    def explain(self, asked: Asked[Request], caller: Caller) -> Outcome:
        """The decision alone: a story with a plan and a forecast that calls nobody and is recorded nowhere."""
        story = self._open(asked, caller)
        story.planned(self.planner.plan(asked, caller))
        return story.outcome

    def _open(self, asked: Asked[Request], caller: Caller) -> Story:
        return Story(asked, caller, time_ns() // 1000, self.clock, self._learn)

    def _learn(self, attempt: Try, exc: BaseException | None) -> None:
        """Tell health and evidence how an attempt went; a client that left says nothing about the upstream."""
        target, now = attempt.target, self.clock()
        if isinstance(exc, ProviderError):
            self.health.failed(target, attempt.secret, exc, now)
            if exc.cools_down:
                self.evidence.observe(target.id, now, ok=False)
        elif exc is None:
            self.health.succeeded(target, attempt.secret, now)
            ttft_ms, ms_per_token = speed(attempt, now)
            self.evidence.observe(target.id, now, ok=True, ttft_ms=ttft_ms, ms_per_token=ms_per_token)

    def _begin(self, story: Story, target: Target) -> Try:
        return story.begin(target, self.health.secret_for(target, self.clock()))

    def _turns(self, story: Story) -> Iterator[tuple[Target, float]]:
        """Whom to ask next and the seconds to pause before: each candidate once; then, while nobody else is left,
        those whose failure may pass, with growing pauses."""
        assert story.plan is not None
        waiting = [candidate.facts.target for candidate in story.plan.candidates]
        while waiting and len(story.outcome.attempts) < MOST_ATTEMPTS:
            target = waiting.pop(0)
            yield target, 0.0
            error = story.errors[-1][1]
            if isinstance(error, ContextTooLong):
                waiting = [t for t in waiting if (t.context or 0) > (target.context or 0)]
            elif isinstance(error, Unreachable) and not error.connected:  # its provider's other deployments come last
                waiting.sort(key=lambda t: t.provider_id == target.provider_id)
        for number in range(MOST_ATTEMPTS - len(story.outcome.attempts)):
            again = retriable(story)
            if again is None:
                return
            longest = min(FIRST_BACKOFF_S * 2**number, LONGEST_BACKOFF_S)
            jitter = self.rng.uniform(0, longest)  # in full: many clients must not come back at once
            yield again[0], again[1] + jitter


def retriable(story: Story) -> tuple[Target, float] | None:
    """The best candidate whose last failure may pass and who has retries left, and the seconds that it asked for."""
    assert story.plan is not None
    tries = [a.deployment_id for a in story.outcome.attempts]
    last = {target.id: error for target, error in story.errors}
    for candidate in story.plan.candidates:
        target = candidate.facts.target
        error = last.get(target.id)
        if error is not None and error.retries_same and tries.count(target.id) <= target.retries:
            asked_s = error.retry_after_s or 0.0
            if asked_s <= LONGEST_BACKOFF_S:
                return target, asked_s
    return None


def exhausted(story: Story) -> ProviderError | AllAttemptsFailed:
    """What to tell the caller when everyone failed."""
    errors = [error for _, error in story.errors]
    waits = [e.retry_after_s for e in errors if e.retry_after_s is not None]
    wait = min(waits, default=None)
    if all(isinstance(e, RateLimited) for e in errors):
        return RateLimited("every deployment that could answer is rate limited upstream", retry_after_s=wait or 1.0)
    if len({target.id for target, _ in story.errors}) == 1 or all(isinstance(e, UnsupportedByWire) for e in errors):
        return errors[-1]
    told = "; ".join(f"{target.name}: {type(error).__name__}" for target, error in story.errors)
    return AllAttemptsFailed(f"all {len(errors)} attempts failed ({told})", retry_after_s=wait)


def speed(attempt: Try, now: float) -> tuple[float | None, float | None]:
    """Time to first token and time per token, both in ms, of an attempt that worked; None where it does not say."""
    marks, usage = attempt.marks, attempt.usage
    tokens = usage.completion if isinstance(usage, TokenUsage) else 0
    if marks.first_token is None:
        return None, (marks.waited_s * 1000 / tokens if tokens else None)
    ttft_ms = (marks.first_token - marks.sent) * 1000
    return ttft_ms, ((now - marks.first_token) * 1000 / tokens if tokens > 1 else None)
