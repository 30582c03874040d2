"""What happened to one request, told while it happens, and written down once when it is over."""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Raw

from providers.attempts import Marks
from providers.errors import GatewayError, ProviderError, StreamInterrupted
from providers.realms import OURS
from providers.requests import Request
from providers.targets import Secret, Target
from routing.answering.billing import bill, forecast, price_of, total
from routing.answering.keeping import Keeping
from routing.answering.paying import applying
from routing.answering.tries import Try
from routing.asked import Asked
from routing.calibration import UNKNOWN
from routing.errors import CancelledByOperator
from routing.planner import Plan
from tenants.callers import Caller
from tenants.pockets import Hold
from usage import ids
from usage.errors import JournalUnavailable
from usage.outcomes import AttemptKind, AttemptOutcome, Outcome, Status


class Story:
    """A request from its arrival to its record."""

    __slots__ = (
        "_waited_until", "asked", "attempt", "budgets", "cancelled", "clock", "deadline", "errors", "keep", "keeping",
        "marks", "on_end", "outcome", "plan", "started", "task", "waited_s",
    )  # fmt: skip

    def __init__(
        self,
        asked: Asked[Request],
        caller: Caller,
        started_us: int,
        clock: Callable[[], float],
        on_end: Callable[[Try, BaseException | None], None],
        longest_s: float = math.inf,
        keep: Callable[[Outcome], None] = lambda outcome: None,
    ) -> None:
        self.asked, self.clock, self.on_end, self.keep = asked, clock, on_end, keep
        found, options = asked.features, asked.wishes.options
        self.budgets = applying(caller, options.tags) if caller.budgets else ()
        self.started, own_s = clock(), options.deadline_s
        self.deadline = self.started + (longest_s if own_s is None else min(own_s, longest_s))
        self.plan: Plan | None = None
        self.attempt: Try | None = None  # that speaks, or was begun last
        self.task: asyncio.Task[Any] | None = None  # that answers
        self.cancelled: CancelledByOperator | None = None  # what it then ends by
        self.errors: list[tuple[Target, GatewayError]] = []  # why each turn led to nothing, in their order
        self.marks: tuple[str, ...] = ()  # that bind the conversation to who answered
        self.waited_s = self._waited_until = 0.0
        self.keeping = Keeping(asked.request) if caller.keeps_bodies else None
        self.outcome = Outcome(
            id=asked.request.id,
            started_us=started_us,
            tenant_id=caller.tenant_id,
            tenant=caller.tenant,
            key_id=caller.key_id,
            key_prefix=caller.key_prefix,
            surface=asked.request.surface,
            stream=asked.request.stream,
            asked_model=asked.request.model,
            category=found["category"],
            complexity=found["complexity"],
            modality=found["modality"],
            has_tools="tools" in found["needs"],
            client_task=found.get("client_task"),
            session=options.session_id,
            tags=list(options.tags),
            estimated_prompt_tokens=found["prompt_tokens"],
            features=Raw(msgspec.json.encode(found)),
            apart=caller.realm != OURS,
        )

    def planned(self, plan: Plan) -> None:
        """Take the decision in, with the forecast of its first choice."""
        self.plan = plan
        outcome, first = self.outcome, plan.candidates[0]
        outcome.policy, outcome.policy_version = plan.policy.name, plan.policy.version
        outcome.first_choice, outcome.why, outcome.decision = first.name, plan.why, plan.decision
        outcome.warnings = [*self.asked.warnings, *plan.warnings]
        target = first.facts.target
        if target.price:
            outcome.forecast_low_nano_usd, outcome.forecast_high_nano_usd = forecast(
                target.price,
                self.prompt_tokens(target),
                self.asked.features["output_tokens"],
                self.asked.longest_output,
            )

    def prompt_tokens(self, target: Target) -> int:
        """Our estimate of the prompt, as this deployment counts."""
        return self.asked.prompt_tokens(self.plan.calibrations.of(target) if self.plan else UNKNOWN)

    def _expect(self, target: Target) -> None:
        """From here on the estimate is this deployment's. What an upstream keeps of a conversation, nobody knows."""
        request, tokens = self.asked.request, self.prompt_tokens(target)
        request.expected_prompt = tokens
        self.outcome.estimated_prompt_tokens = None if request.continues else tokens

    @property
    def recovers(self) -> bool:
        """Whether a stream that breaks off may be gone on with by another attempt."""
        return self.plan is not None and self.plan.policy.recovery

    @property
    def instant(self) -> float:
        """When the request began, in seconds since the epoch: as its id says, by which it is counted everywhere."""
        return ids.instant_ms(self.outcome.id) / 1000

    def longest_wait_s(self, patience_s: float) -> float:
        """How long the caller may wait for somebody to be askable: to its own deadline, else `patience_s`."""
        left_s = self.deadline - self.clock()
        return left_s if self.asked.wishes.options.deadline_ms is not None else min(left_s, patience_s)

    def tries(self, deployment_id: int) -> int:
        """How often this deployment was asked."""
        return sum(attempt.deployment_id == deployment_id for attempt in self.outcome.attempts)

    def error_of(self, target: Target) -> GatewayError | None:
        """Why its last turn led to nothing."""
        return next((error for failed, error in reversed(self.errors) if failed.id == target.id), None)

    def passed_over(self, target: Target, error: GatewayError) -> None:
        """Its turn came, and it was not asked."""
        self.errors.append((target, error))

    def begin(
        self, target: Target, secret: Secret | None, kind: AttemptKind | None = None, hold: Hold | None = None
    ) -> Try:
        """Start an attempt; `kind` where it is none of those that follow from whom was asked before."""
        self._expect(target)
        attempts = self.outcome.attempts
        outcome = AttemptOutcome(
            index=len(attempts) + 1,
            deployment_id=target.id,
            deployment=target.name,
            provider=target.provider,
            model=target.model,
            kind=kind or self._kind(target),
            started_ms=self.elapsed_ms(),
            credential=secret.last_four if secret else None,
        )
        attempts.append(outcome)
        if hold is not None:
            hold.count_for(outcome.index, self.outcome.charges)
            outcome.held_nano_usd = hold.nano_usd
        self.attempt = attempt = Try(target, secret, outcome, self._ended, hold)
        try:
            self.keep(self.outcome)  # before anything is sent
        except JournalUnavailable as exc:
            attempt.close(exc)
            raise
        return attempt

    def _kind(self, target: Target) -> AttemptKind:
        if not self.outcome.attempts:
            return "first"
        if self.tries(target.id):
            return "retry"
        assert self.plan is not None
        plan = self.plan
        meant = (*plan.candidates[: plan.fallback_from], *plan.barred[: plan.barred_fallback_from])
        return "failover" if any(target.id == each.facts.target.id for each in meant) else "fallback"

    def _ended(self, attempt: Try, exc: BaseException | None) -> None:
        """An attempt is over: close its books."""
        outcome, marks, asked = attempt.outcome, attempt.marks, self.asked
        outcome.ended_ms, outcome.upstream_request_id = self.elapsed_ms(), marks.request_id
        if marks.first_byte is not None:
            outcome.first_byte_ms = self._ms(marks.first_byte)
        if marks.first_token is not None:
            outcome.first_token_ms = self._ms(marks.first_token)
        if isinstance(exc, ProviderError):
            self.errors.append((attempt.target, exc))
        if exc is None or outcome.committed:
            self.marks += attempt.signed
            self.outcome.response_id = self.outcome.response_id or attempt.response_id
        self.waited_s += self._waited(marks)
        self._waited_until = self.clock()
        if exc is None:
            self._warn(marks)
        if (usage := attempt.reckoned(asked.request, self.prompt_tokens)) is not None:
            price = price_of(attempt.target, outcome.served_model, asked.request)
            bill(outcome, usage, price, asked.features.get("images", 0))
        if attempt.hold is not None:
            self._settle_hold(attempt.hold, outcome, over=exc is None)
        self.on_end(attempt, exc)

    def _settle_hold(self, hold: Hold, outcome: AttemptOutcome, *, over: bool) -> None:
        """What is free again may be spent at once, so what was kept of the request must not claim it any longer."""
        tokens = (outcome.prompt_tokens or 0) + (outcome.completion_tokens or 0)
        hold.settle(outcome.cost_nano_usd or 0, tokens)
        if not over:
            with suppress(JournalUnavailable):  # what is kept then claims more than it should, never less
                self.keep(self.outcome)

    def _warn(self, marks: Marks) -> None:
        planned = self.plan.warnings if self.plan else ()
        self.outcome.warnings = [*self.asked.warnings, *planned, *marks.warnings]

    def commit(self, attempt: Try) -> None:
        """The first content byte is about to leave: from here on there is no failover."""
        self.attempt = attempt
        attempt.outcome.committed = True
        self.outcome.recovered |= attempt.outcome.kind == "recovery"
        self._expect(attempt.target)
        if self.outcome.ttft_ms is not None:
            return  # it goes on with what another began
        self.outcome.ttft_ms = self.elapsed_ms()
        self._warn(attempt.marks)
        self.outcome.overhead_ms = self._overhead(self._waited(attempt.marks))

    def cancel(self) -> None:
        """End it, as an operator wishes: what a leaving client does to its task. Call it on the task's loop."""
        if self.task is not None and self.cancelled is None:
            self.cancelled = CancelledByOperator("an operator cancelled this request")
            self.task.cancel()

    def heed(self, exc: BaseException) -> None:
        """Raise `CancelledByOperator` where that is what broke the work off: its task goes on, and tells the client."""
        if self.cancelled is not None and self.task is not None and not isinstance(exc, Exception):
            self.task.uncancel()
            raise self.cancelled from exc

    def finish(self, error: BaseException | None) -> Outcome:
        """Close the story; `error` is what the caller is told, None when the answer is whole."""
        outcome = self.outcome
        outcome.total_ms = self.elapsed_ms()
        if not outcome.overhead_ms:
            outcome.overhead_ms = self._overhead(0.0)
        outcome.attempts_count = len(outcome.attempts)
        outcome.failovers = sum(a.kind in ("failover", "fallback") for a in outcome.attempts)
        outcome.status = status_of(error)
        if isinstance(error, GatewayError):
            outcome.http_status, outcome.error, outcome.error_code = error.status, type(error).__name__, error.code
            outcome.error_message = error.message
            if (refused := error.refused) is not None and self.plan is None:  # who was weighed, and each one's reason
                outcome.policy, outcome.policy_version = refused.policy, refused.version
                outcome.why, outcome.decision = refused.why, refused.decision
        elif error is not None:
            outcome.http_status = 499 if outcome.status == "cancelled" else 500
            outcome.error = type(error).__name__
        if outcome.attempts:
            self._settle(outcome)
        if self.keeping is not None:
            outcome.kept = self.keeping.kept
        return outcome

    def _settle(self, outcome: Outcome) -> None:
        """Name who answered, and sum what was billed."""
        told = outcome.decisive
        if told.status == "answered" or told.committed:
            outcome.deployment_id, outcome.provider, outcome.model = told.deployment_id, told.provider, told.model
            outcome.served_model, outcome.finish_reason = told.served_model, told.finish_reason
        outcome.prompt_tokens, outcome.completion_tokens = told.prompt_tokens, told.completion_tokens
        outcome.cached_tokens, outcome.reasoning_tokens = told.cached_tokens, told.reasoning_tokens
        outcome.estimated = told.estimated
        outcome.cost_nano_usd = total(outcome)

    def _waited(self, marks: Marks) -> float:
        """Seconds of waiting for this attempt, but for those that another beside it waited as well."""
        if not marks.sent:
            return 0.0
        now = self.clock()
        return min(marks.waited_s or now - marks.sent, now - max(marks.sent, self._waited_until))

    def elapsed_ms(self) -> float:
        return self._ms(self.clock())

    def _ms(self, instant: float) -> float:
        return round((instant - self.started) * 1000, 3)

    def _overhead(self, waiting_s: float) -> float:
        return round(max((self.clock() - self.started - self.waited_s - waiting_s) * 1000, 0.001), 3)


def status_of(error: BaseException | None) -> Status:
    """How a request ended, by what ended it."""
    if error is None:
        return "answered"
    if isinstance(error, CancelledByOperator):
        return "cancelled"
    if isinstance(error, StreamInterrupted):
        return "interrupted"
    if isinstance(error, GatewayError) and not isinstance(error, ProviderError) and error.status < 500:
        return "rejected"  # the caller's own doing: an unknown model, a policy that is not theirs
    if isinstance(error, Exception):
        return "failed"
    return "cancelled"  # CancelledError, GeneratorExit: the client left
