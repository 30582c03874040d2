"""May this attempt be paid for? Holds in memory, out of slices of budgets that the worker leased from the database.

A hold is taken without a wait while the slices in hand suffice. Where they do not, the request waits for one round trip
that all waiting requests share. Nothing is ever spent that was not leased, so the database alone decides, whatever
becomes of this process (docs/adr/0009-money-is-leased.md).
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, time
from typing import Final

from django.db import DatabaseError, InterfaceError, connection

from tenants.callers import BudgetSpec
from tenants.errors import LimitsUnavailable
from tenants.lending import Ask, exchange_afresh
from tenants.pockets import Hold, Need, Pocket, Pockets

PATIENCE_S: Final = 2.0  # a request never waits longer for a lease
PAUSE_S: Final = 1.0  # between attempts to reach a database that is away
TEND_S: Final = 0.5  # how long a slice may lie idle before others get it
LOG_EVERY_S: Final = 60.0
Wants = list[tuple[Pocket, int]]
Asks = dict[Pocket, Ask]

logger = logging.getLogger(__name__)


class Waiter:
    """A request whose hold waits for a lease."""

    __slots__ = ("answer", "wants")

    def __init__(self, wants: Wants) -> None:
        self.wants = wants
        self.answer: asyncio.Future[Hold] = asyncio.get_running_loop().create_future()

    def leave(self) -> None:
        """Wait no longer; a hold that came at the same moment is let go."""
        if not self.answer.cancel() and self.answer.exception() is None:
            self.answer.result().settle(0, 0)


class Ledger:
    """The money that one worker may spend; `holder` is its name for all time."""

    def __init__(self, holder: str, clock: Callable[[], float] = time) -> None:
        self._holder, self._clock = holder, clock
        self._pockets = Pockets()
        self._stirring: set[Pocket] = set()  # that have something in hand, also of windows that have ended
        self._waiting: list[Waiter] = []
        self._called = asyncio.Event()
        self._banking: asyncio.Task[None] | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._asked_at: float | None = None  # since when a round trip has been running
        self._away_until = self._quiet_until = self._tended_at = 0.0

    async def hold(self, budgets: Sequence[BudgetSpec], need: Need, at: float | None = None) -> Hold:
        """Set the worst case of an attempt aside in all of the budgets, or in none.

        `at` (seconds since the epoch) is the request's own instant: the period in which it began pays for all of its
        attempts, however long it takes and wherever the clock is set meanwhile. None: now.

        Raises `BudgetExceeded`, and `LimitsUnavailable` when the database that would have to lend is away.
        """
        at = self._clock() if at is None else at
        wants = [(self._pockets.of(spec, at), need.of(spec)) for spec in budgets]
        if all([pocket.covers(amount) for pocket, amount in wants]):
            return self._take(wants)
        return await self._ask(wants)

    def low_policy(self, budgets: Sequence[BudgetSpec]) -> str | None:
        """The policy to be used instead of the one that was asked for, where little of a budget is left."""
        now = self._clock()
        return next((spec.low_policy for spec in budgets if spec.low_policy and self._pockets.of(spec, now).low), None)

    async def close(self) -> None:
        """Stop lending. What is in hand goes back once the journal's last rows are settled."""
        if self._banking is not None:
            self._banking.cancel()
            await asyncio.wait([self._banking])
        if self._thread is not None:
            self._thread.submit(lambda: connection.close())  # the connection of that thread
            await asyncio.to_thread(self._thread.shutdown)

    def _take(self, wants: Wants) -> Hold:
        self._stirring.update([pocket for pocket, _ in wants if pocket.needs_tending])
        self._bank()
        return Hold(wants, self._holder)

    async def _ask(self, wants: Wants) -> Hold:
        """Wait for a lease, together with everybody else who does."""
        now = monotonic()
        for pocket, need in wants:
            if not pocket.covers(need) and pocket.has_refused(need, now):
                raise pocket.refusal(need)
        if now < self._away_until or (self._asked_at is not None and now - self._asked_at > PATIENCE_S):
            raise unavailable()
        waiter = Waiter(wants)
        self._waiting.append(waiter)
        self._called.set()
        self._bank()
        try:
            await asyncio.wait([waiter.answer], timeout=PATIENCE_S)
        except asyncio.CancelledError:
            waiter.leave()
            raise
        if waiter.answer.done():
            return waiter.answer.result()
        waiter.leave()
        raise unavailable()

    def _bank(self) -> None:
        if (self._stirring or self._waiting) and (self._banking is None or self._banking.done()):
            self._tended_at = monotonic()
            self._banking = asyncio.get_running_loop().create_task(self._keep_banking())

    async def _keep_banking(self) -> None:
        """Lend at once where requests wait, take back now and then what lies idle. One trip at a time: what a pocket
        holds is known for certain in between only."""
        while self._waiting or self._stirring:
            if not self._waiting:
                await self._call_or_tend()
            self._called.clear()
            waiting, self._waiting = self._waiting, []
            asks = asks_of(waiting)
            if monotonic() - self._tended_at >= TEND_S:
                asks |= self._idle(except_for=asks.keys())
            if not asks or await self._exchange(asks):
                for waiter in waiting:
                    self._answer(waiter)
                continue
            for waiter in waiting:
                if not waiter.answer.done():
                    waiter.answer.set_exception(unavailable())

    async def _call_or_tend(self) -> None:
        try:
            async with asyncio.timeout(max(self._tended_at + TEND_S - monotonic(), 0)):
                await self._called.wait()
        except TimeoutError:
            return

    def _idle(self, except_for: Iterable[Pocket]) -> Asks:
        """What to give back or to have in hand, and whom to look at."""
        self._tended_at, now = monotonic(), self._clock()
        asks: Asks = {}
        for pocket in self._stirring.difference(except_for):
            idle = not (pocket.taken or pocket.held or pocket.free)
            back, reserve = pocket.tend(now, self._tended_at)
            if back or reserve or pocket.wants_news(self._tended_at):
                pocket.granted -= back  # at once: nobody may spend it while it is on its way
                asks[pocket] = Ask(pocket.spec.id, pocket.span.start, pocket.keeps, (), pocket.free, reserve)
            elif idle:
                self._stirring.discard(pocket)
        return asks

    async def _exchange(self, asks: Asks) -> bool:
        """One round trip; whether the database answered."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        loop, self._asked_at = asyncio.get_running_loop(), monotonic()
        sent = [pocket.granted for pocket in asks]
        try:
            lent = await loop.run_in_executor(self._thread, exchange_afresh, self._holder, list(asks.values()))
        except (DatabaseError, InterfaceError) as exc:
            self._note_away(exc)
            for pocket in asks:
                pocket.unsure = True  # it may have been granted or taken back: the next answer says
            self._stirring.update(asks)
            return False
        finally:
            self._asked_at = None
        for pocket, answer, granted in zip(asks, lent, sent, strict=True):
            pocket.hear(answer, granted, monotonic())
        self._stirring.update([pocket for pocket in asks if pocket.free or pocket.unsure])
        return True

    def _answer(self, waiter: Waiter) -> None:
        """In the order of coming: nobody takes what was leased for those before."""
        if waiter.answer.done():  # its client left, or its patience ended
            return
        missing = [(pocket, need) for pocket, need in waiter.wants if not pocket.covers(need)]
        if not missing:
            waiter.answer.set_result(self._take(waiter.wants))
        elif all(pocket.could_cover(need) for pocket, need in missing):
            self._waiting.append(waiter)  # others took what was free before the lease came: once more
        else:
            pocket, need = next((pocket, need) for pocket, need in missing if not pocket.could_cover(need))
            pocket.note_refused(need, monotonic())
            waiter.answer.set_exception(pocket.refusal(need))

    def _note_away(self, exc: Exception) -> None:
        now = monotonic()
        self._away_until = now + PAUSE_S
        if now >= self._quiet_until:
            self._quiet_until = now + LOG_EVERY_S
            logger.warning("budgets: the database cannot be reached, only what is leased is spent: %s", exc)


def asks_of(waiting: list[Waiter]) -> Asks:
    """What is missing for all of them, by pocket."""
    needs: dict[Pocket, list[int]] = {}
    for waiter in waiting:
        if not waiter.answer.done():
            for pocket, need in waiter.wants:
                if pocket.spec.hard and need:
                    needs.setdefault(pocket, []).append(need)
    return {p: Ask(p.spec.id, p.span.start, p.keeps, tuple(wanted), p.free) for p, wanted in needs.items()}


def unavailable() -> LimitsUnavailable:
    return LimitsUnavailable("The budget cannot be checked at the moment; try again soon.", retry_after_s=1)
