"""Which deployment answers, and what if it fails? Plan, attempt, fail over until the commit point, settle, record.

`answer` asks for a whole answer, `stream` for a streamed one; both walk the same plan by the same rules:
a candidate that fails before the commit point hands over to the next; only when nobody is left is one asked again
(`turns.py` in `routing/answering/`, where each step has its file). What a policy may add to a stream: a rival for one
that is slow to speak (`hedging.py`), a continuation for one that broke off (`recovery.py`).
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from random import Random
from time import monotonic, time_ns
from typing import Protocol

from providers import attempts
from providers.chat import Answer, ChatRequest, Chunk
from providers.errors import ProviderError, RateLimited, StreamInterrupted, TakenTooSlowly
from providers.requests import Request
from providers.targets import Target
from routing.answering.endings import exhausted
from routing.answering.hedging import HedgeBudget, Opens, race
from routing.answering.loads import Loads
from routing.answering.openings import Opening, batches_of, opened
from routing.answering.paying import held_output, worst_case
from routing.answering.recovery import Recovery
from routing.answering.running import Running
from routing.answering.story import Story
from routing.answering.tries import Try
from routing.answering.turns import FIRST_BACKOFF_S, Turn, Turns
from routing.asked import Asked
from routing.errors import GatewayStopping
from routing.evidence import EvidenceBook, speed
from routing.planner import Planner
from routing.resilience import Health
from routing.serving import Bound, ServingBook
from tenants.callers import Caller
from tenants.errors import TenantError
from tenants.ledger import Ledger
from tenants.pockets import Hold
from usage.errors import JournalUnavailable
from usage.outcomes import AttemptKind, Outcome


class Journal(Protocol):
    """Where outcomes go; `begin` keeps one that is not over, `write` returns when it would survive a kill."""

    def begin(self, outcome: Outcome) -> None: ...

    def write(self, outcome: Outcome) -> None: ...


@dataclass(slots=True)
class Engine:
    """The engine with everything that it acts upon; nothing here touches the database.

    `deadline_s` is the longest that a request may take, `patience_s` how long a caller without a deadline of its own is
    kept waiting for a rate limit to pass.
    """

    planner: Planner
    health: Health
    evidence: EvidenceBook
    journal: Journal
    serving: ServingBook = field(default_factory=ServingBook)
    ledger: Ledger = field(default_factory=lambda: Ledger("engine"))
    clock: Callable[[], float] = monotonic
    rng: Random = field(default_factory=Random)
    stopping: bool = False  # what is broken off from now on is our doing, not the client's
    deadline_s: float = math.inf
    patience_s: float = 4.0
    hedges: HedgeBudget = field(default_factory=HedgeBudget)
    running: Running = field(default_factory=Running)
    loads: Loads = field(default_factory=Loads)

    async def answer(self, asked: Asked[Request], caller: Caller) -> tuple[Answer, Outcome]:
        """The first candidate's whole answer, with the story; raises `GatewayError`. Recorded before it returns."""
        story = self._open(asked, caller)
        self.running.enter(story)
        error: BaseException | None = None
        try:
            turns = await self._planned(story, caller)
            while turn := turns.next():
                attempt = await self._begun(story, turn)
                if attempt is None:
                    continue
                with attempt:
                    request, marks = asked.request, attempt.marks
                    got = await attempts.complete(request, attempt.target, attempt.secret, marks, turn.bounds)
                    attempt.answered(got)
                    if story.keeping is not None:
                        story.keeping.told(got.data)
                    return got, story.outcome
            raise exhausted(story, self.health)
        except BaseException as exc:
            error = exc
            story.heed(exc)
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
        self.running.enter(story)
        error: BaseException | None = None
        try:
            turns = await self._planned(story, caller)
            recovery = Recovery(asked.request, partial(self._begun, story)) if story.recovers else None
            opening: Opening | None = await self._opening(asked.request, story, turns)
            while opening is not None:
                broken = opening.attempt.target
                try:
                    async with aclosing(self._poured(opening, story)) as batches:
                        async for batch in batches:
                            if recovery:
                                recovery.sent.add(batch)
                            yield batch, story.outcome
                    return
                except StreamInterrupted:
                    if recovery is None or isinstance(story.error_of(broken), TakenTooSlowly):
                        raise
                    opening = await recovery.gone_on(turns, broken)
                    if opening is None:
                        raise
        except BaseException as exc:
            error = exc
            story.heed(exc)
            raise
        finally:
            self._record(story, error)

    async def _planned(self, story: Story, caller: Caller) -> Turns:
        """Plan. Where everybody only waits for a rate limit to pass, and that is soon, wait with them."""
        while story.plan is None:
            try:
                plan = self.planner.plan(story.asked, caller)
                story.planned(plan)
                story.outcome.busy = self.loads.at(plan)
            except RateLimited as exc:
                wait_s = (exc.retry_after_s or 0.0) + self.rng.uniform(0, FIRST_BACKOFF_S)
                if wait_s > story.longest_wait_s(self.patience_s):
                    raise
                await self._pause(story, wait_s)
        return Turns(story, self.health, self.rng, self.clock, self.patience_s)

    async def _opening(self, request: ChatRequest, story: Story, turns: Turns) -> Opening:
        """The first candidate that starts to answer; raises what keeps all of them from it."""
        while turn := turns.next():
            attempt = await self._begun(story, turn)
            if attempt is None:
                continue
            opens = opened(attempt, batches_of(request, attempt, turn.bounds))
            after_s = self._hedged_after_s(story, turn)
            rival = partial(self._rival, request, story, turns)
            opening = await (opens if after_s is None else race(opens, after_s, rival))
            if opening is not None:
                return opening
        raise exhausted(story, self.health)

    async def _poured(self, opening: Opening, story: Story) -> AsyncGenerator[list[Chunk], None]:
        """One attempt's batches from its first content on."""
        attempt = opening.attempt
        with attempt:
            async with aclosing(opening.rest) as rest:
                story.commit(attempt)
                self.loads.speaks(attempt)
                self.health.speaks(attempt.target, self.clock(), attempt.marks.sent)
                if (keeping := story.keeping) is not None:
                    keeping.told_in(opening.first)
                yield opening.first
                async for batch in rest:
                    attempt.saw(batch)
                    if keeping is not None:
                        keeping.told_in(batch)
                    yield batch

    def _hedged_after_s(self, story: Story, turn: Turn) -> float | None:
        """When to start a rival of this attempt: after the time by which 95 % of its deployment's answers begin."""
        assert story.plan is not None
        if not story.plan.policy.hedging or turn.alone:
            return None
        self.hedges.paid_in()
        p95_ms = self.evidence.ttft_p95_ms(turn.target.id)
        return None if p95_ms is None else p95_ms / 1000

    async def _rival(self, request: ChatRequest, story: Story, turns: Turns) -> Opens | None:
        turn = turns.fresh() if self.hedges.take() else None
        attempt = await self._begun(story, turn, "hedge") if turn else None
        return opened(attempt, batches_of(request, attempt, turn.bounds)) if turn and attempt else None

    async def _begun(self, story: Story, turn: Turn, kind: AttemptKind | None = None, handed: int = 0) -> Try | None:
        """The turn's attempt, after its pause; None where the deployment may not be asked now. `handed`: bytes of a
        beginning of the answer that it is to go on with."""
        if turn.pause_s:
            await self._pause(story, turn.pause_s)
        hold = None
        if story.budgets and (hold := await self._held(story, turn.target, handed)) is None:
            return None
        now = self.clock()
        refusal = self.health.asking(turn.target, now, last=turn.alone)
        if refusal is not None:
            if hold is not None:
                hold.settle(0, 0)
            story.passed_over(turn.target, refusal)
            return None
        self.loads.begins(turn.target.id)
        return story.begin(turn.target, self.health.secret_for(turn.target, now), kind, hold)

    async def _held(self, story: Story, target: Target, handed: int) -> Hold | None:
        """Set the attempt's worst case aside; whoever cannot be paid for is passed over."""
        request, expected = story.asked.request, story.prompt_tokens(target)
        need = worst_case(request, target, expected, handed=handed)
        try:
            hold = await self.ledger.hold(story.budgets, need, story.instant)
        except TenantError as exc:
            story.passed_over(target, exc)
            return None
        request.held_output = held_output(request, target, expected) if hold.is_hard else None
        return hold

    async def _pause(self, story: Story, seconds: float) -> None:
        """Wait before asking again; it is not our own time."""
        began = self.clock()
        try:
            await asyncio.sleep(seconds)
        finally:
            story.waited_s += self.clock() - began

    def _record(self, story: Story, error: BaseException | None) -> None:
        """Write the story down; raises `JournalUnavailable`: what is not recorded is not answered."""
        self.running.leave(story)
        if error is not None and not isinstance(error, Exception):
            if story.cancelled is not None:
                error = story.cancelled
            elif self.stopping:
                error = GatewayStopping("the worker ended before the answer did")
        if story.marks:
            told = story.outcome.decisive
            self.serving.note(story.outcome.tenant_id, story.marks, Bound(told.deployment_id, told.deployment))
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
        story = Story(
            asked, caller, time_ns() // 1000, self.clock, self._learn, self.deadline_s, self.journal.begin
        )  # fmt: skip
        if story.budgets:
            asked.thrifty_policy = self.ledger.low_policy(story.budgets)
        return story

    def _learn(self, attempt: Try, exc: BaseException | None) -> None:
        """Tell loads, health and evidence how an attempt went; a client that left says nothing about the upstream."""
        target, now = attempt.target, self.clock()
        self.loads.ends(attempt)
        sent = attempt.marks.sent or now
        if isinstance(exc, ProviderError):
            self.health.failed(target, attempt.secret, exc, now, sent)
            if exc.cools_down:
                self.evidence.observe(target.id, now, ok=False)
        elif exc is None:
            self.health.succeeded(target, attempt.secret, now, sent)
            tokens = attempt.usage.completion if attempt.usage else 0
            ttft_ms, ms_per_token = speed(attempt.marks, tokens, now)
            self.evidence.observe(target.id, now, ok=True, ttft_ms=ttft_ms, ms_per_token=ms_per_token)
        else:
            self.health.abandoned(target, now)
