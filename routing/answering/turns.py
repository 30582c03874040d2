"""Whom to ask next, after which pause and until when? Each candidate once; then, while nobody else is left, again.

To those whose failure may pass come those that had no usable credential when the plan was made.

One deadline stands over the request. What is left of it is divided among the candidates that may still have to answer,
so that one that hangs leaves time for the next.
"""

import math
from collections.abc import Callable
from random import Random
from typing import Final

from msgspec import Struct

from providers.attempts import Bounds
from providers.errors import ContextTooLong, GatewayError, ProviderError, RateLimited, Unreachable
from providers.targets import Target
from routing.answering.story import Story
from routing.resilience import Health

MOST_ATTEMPTS: Final = 8  # of one request, whoever is asked
MOST_SHARES: Final = 3  # parts that a deadline is divided into: a thousand candidates would leave none a second
FIRST_BACKOFF_S: Final = 0.25
LONGEST_BACKOFF_S: Final = 4.0


class Turn(Struct, frozen=True):
    """One deployment's turn; `alone` when nobody else is left to ask."""

    target: Target
    bounds: Bounds
    pause_s: float = 0.0
    alone: bool = False


class Turns:
    """The turns of one request. `patience_s` is how long a rate limit may be waited out for a caller without a deadline
    of its own."""

    def __init__(
        self, story: Story, health: Health, rng: Random, clock: Callable[[], float], patience_s: float
    ) -> None:
        assert story.plan is not None
        self._story, self._health, self._rng, self._clock = story, health, rng, clock
        self._patience_s = patience_s
        self._waiting = [candidate.facts.target for candidate in story.plan.candidates]
        self._last: Target | None = None
        self._rounds = 0  # of asking again

    def next(self) -> Turn | None:
        """The next turn; None when there is nobody worth asking, or no time left."""
        if self._last is not None:
            self._mind(self._last, self._story.error_of(self._last))
        if self._turns_left() <= 0 or self._left_s() <= 0:
            return None
        return self.fresh() or self._again()

    def fresh(self) -> Turn | None:
        """The turn of a candidate that has not been asked yet."""
        if not self._waiting or self._turns_left() <= 0:
            return None
        self._last = target = self._waiting.pop(0)
        return Turn(target, self._bounds(), alone=not self._waiting)

    def once_more(self, target: Target) -> Turn | None:
        """Another turn of this very deployment, at once, as far as its retries and their budget allow: also after a
        failure that is not worth one, where nothing was sent."""
        if self._turns_left() <= 0 or self._left_s() <= 0 or not self._may_retry(target):
            return None
        return Turn(target, self._bounds(), alone=True)

    def _mind(self, target: Target, error: GatewayError | None) -> None:
        """Reorder those who wait by what the last failure says about them."""
        if not isinstance(error, ProviderError):
            return
        if isinstance(error, ContextTooLong):
            self._waiting = [t for t in self._waiting if (t.context or 0) > (target.context or 0)]
        elif isinstance(error, Unreachable) and not error.connected:  # its provider's other deployments come last
            self._waiting.sort(key=lambda t: t.provider_id == target.provider_id)
        elif error.blames_credential and self._has_another_key(target):
            self._waiting.insert(0, target)

    def _has_another_key(self, target: Target) -> bool:
        if self._story.tries(target.id) > target.retries or len(target.secrets) < 2:
            return False
        return self._health.barred(target, self._clock()) is None

    def _again(self) -> Turn | None:
        """The candidate whose failure may pass soonest, after the pause that it asked for and one by chance."""
        found = self._retriable()
        if found is None:
            return None
        self._last, asked_s = found
        longest = min(FIRST_BACKOFF_S * 2**self._rounds, LONGEST_BACKOFF_S)
        self._rounds += 1
        pause_s = asked_s + self._rng.uniform(0, longest)  # jitter in full: many clients must not come back at once
        return Turn(self._last, self._bounds(pause_s), pause_s, alone=True) if pause_s < self._left_s() else None

    def _retriable(self) -> tuple[Target, float] | None:
        """The best candidate whose last failure may pass in time, and the seconds until it may be asked."""
        assert self._story.plan is not None
        plan, longest_s = self._story.plan, self._story.longest_wait_s(self._patience_s)
        found: list[tuple[float, int, Target]] = []
        for rank, candidate in enumerate((*plan.candidates, *plan.barred)):
            target = candidate.facts.target
            wait_s = self._wait_s(target, new=rank >= len(plan.candidates))
            if wait_s is not None and wait_s <= longest_s:
                found.append((wait_s, rank, target))
        for wait_s, _, target in sorted(found, key=lambda one: one[:2]):
            if not self._story.tries(target.id) or self._may_retry(target):
                return target, wait_s
        return None

    def _wait_s(self, target: Target, new: bool) -> float | None:
        """Seconds until another attempt makes sense, or the first of a `new` one; None: it does not."""
        error = self._story.error_of(target)
        if isinstance(error, RateLimited) or (new and error is None):
            bar = self._health.barred(target, self._clock())
            return bar[0] if bar else 0.0
        if not isinstance(error, ProviderError):
            return None
        return (error.retry_after_s or 0.0) if error.retries_same else None

    def _may_retry(self, target: Target) -> bool:
        return self._story.tries(target.id) <= target.retries and self._health.may_retry(target, self._clock())

    def _turns_left(self) -> int:
        return MOST_ATTEMPTS - len(self._story.outcome.attempts)

    def _left_s(self) -> float:
        return self._story.deadline - self._clock()

    def _bounds(self, pause_s: float = 0.0) -> Bounds:
        deadline, now = self._story.deadline, self._clock() + pause_s
        if deadline == math.inf:
            return Bounds()
        shares = min(len(self._waiting) + 1, MOST_SHARES)
        return Bounds(
            now + (deadline - now) / shares, deadline, self._story.asked.wishes.options.deadline_ms is not None
        )
