"""May this caller make one more request now? And what did it take, once that is known?"""

import math
from types import TracebackType
from typing import Final, Protocol, Self

from msgspec import Struct

from providers.errors import GatewayError
from tenants.callers import NO_LIMITS, Caller
from tenants.errors import LargerThanLimit, RateLimitExceeded
from tenants.limits import FULL, MINUTE_S, Amounts, Measure, Window, WindowStore, windows_of
from tenants.slots import Gauge, Gauges, Slot, SlotStore, gauges_of

LONGEST_STEP_BACK_S: Final = 60.0  # of a clock; one that goes back further was wrong before


class Reckoned(Protocol):
    """A request whose worst case is known: tokens of its prompt, and of the longest answer."""

    @property
    def reckoned(self) -> tuple[int, int]: ...


class Spent(Protocol):
    """What became of a request; None is unknown."""

    @property
    def prompt_tokens(self) -> int | None: ...

    @property
    def completion_tokens(self) -> int | None: ...


class RateState(Struct, frozen=True):
    """The tightest window of a measure after a request was admitted: what `x-ratelimit-*` headers say."""

    measure: Measure
    limit: int
    remaining: int
    reset_s: float


class Admission:
    """A request that was let in; its end, as a context, settles what it took. This one counts nowhere."""

    __slots__ = ()

    @property
    def states(self) -> tuple[RateState, ...]:
        return ()

    def note(self, spent: Spent) -> None:
        """Say where the request's tokens will stand when it ends."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        """The request is over, in whatever way."""


FREE: Final = Admission()


class Counted(Struct, frozen=True):
    """The windows and gauges of one caller in one minute. Built once: it would cost more than the counting itself."""

    caller: Caller
    minute: int
    windows: tuple[Window, ...]
    gauges: Gauges
    ones: Amounts  # one request in each window
    largest: int | None  # tokens that a request may take at most; None: tokens are not counted


class CountedAdmission(Admission):
    """Counts in windows and gauges; at the end tokens are settled and the place is given back."""

    __slots__ = ("_amounts", "_counted", "_limiter", "_remaining", "_slot", "_spent", "_store", "_took_at")

    def __init__(
        self,
        limiter: "RateLimiter",
        counted: Counted,
        slot: Slot | None,
        taken: tuple[WindowStore, Amounts, Amounts],
        now: float,
    ) -> None:
        self._limiter, self._counted, self._slot, self._took_at = limiter, counted, slot, now
        self._store, self._amounts, self._remaining = taken
        self._spent: Spent | None = None

    @property
    def states(self) -> tuple[RateState, ...]:
        """The tightest window of each measure; of two with as much left the longer."""
        tightest: dict[Measure, tuple[int, Window]] = {}
        for window, left in zip(self._counted.windows, self._remaining, strict=True):
            found = tightest.get(window.measure)
            if found is None or (left, -window.end) <= (found[0], -found[1].end):
                tightest[window.measure] = left, window
        return tuple(
            [RateState(measure, w.limit, left, w.end - self._took_at) for measure, (left, w) in tightest.items()]
        )

    def note(self, spent: Spent) -> None:
        self._spent = spent

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        if self._slot is not None:
            self._slot.free()
        if self._counted.largest is not None:
            tokens = self._tokens(exc)
            if tokens is not None:
                self._settle(tokens)

    def _tokens(self, exc: BaseException | None) -> int | None:
        """The tokens that the request took; None where nobody knows: then what was reckoned with stays taken."""
        spent = self._spent
        if spent is None:
            return 0 if exc is None or isinstance(exc, GatewayError) else None
        if spent.prompt_tokens is None:
            return None
        return spent.prompt_tokens + (spent.completion_tokens or 0)

    def _settle(self, tokens: int) -> None:
        """Give back to the windows that were taken from; what is over counts in the present ones."""
        present = {window.counter: window for window in self._limiter.present(self._counted.caller)}
        for window, amount in zip(self._counted.windows, self._amounts, strict=True):
            if window.measure == "tokens" and tokens != amount:
                counts_in = window if tokens < amount else present.get(window.counter, window)
                self._store.correct(counts_in, tokens - amount)


class RateLimiter:
    """Admits requests as long as their callers' windows and gauges have room; the stores say between which processes
    they count."""

    def __init__(self, store: WindowStore, slots: SlotStore) -> None:
        self._store, self._slots = store, slots
        self._counted: dict[int, Counted] = {}  # by client key
        self._latest = 0.0

    async def admit(self, caller: Caller, now: float, request: Reckoned) -> Admission:
        """Count one request, at `now` seconds since the epoch.

        Raises `RateLimitExceeded`, with the seconds until the window that refused begins anew; nothing is counted then.
        """
        if caller.limits is NO_LIMITS and caller.key_limits is NO_LIMITS:
            return FREE
        counted = self._counted_of(caller, self._minute(now))
        slot = await self._slots.take(counted.gauges) if counted.gauges else None
        try:
            taken = await self._take(counted, now, request)
        except BaseException:
            if slot is not None:
                slot.free()
            raise
        return CountedAdmission(self, counted, slot, taken, now)

    async def _take(self, counted: Counted, now: float, request: Reckoned) -> tuple[WindowStore, Amounts, Amounts]:
        """The store that counted, what was taken of each window, and what then remains."""
        amounts = counted.ones if counted.largest is None else _amounts(counted, request)
        if not counted.windows:
            return self._store, amounts, ()
        store, remaining = await self._store.take(counted.windows, amounts)
        if FULL in remaining:
            raise _refusal(counted.windows, amounts, remaining, now)
        return store, amounts, remaining

    def present(self, caller: Caller) -> tuple[Window, ...]:
        """The windows in which `caller` counts at the latest time that was heard."""
        return self._counted_of(caller, int(self._latest) // MINUTE_S).windows

    async def left(self, caller: Caller, now: float) -> list[tuple[Window | Gauge, int]]:
        """Every window and gauge of the caller with what remains in it."""
        windows, gauges = windows_of(caller, int(now) // MINUTE_S), gauges_of(caller)
        running = await self._slots.running(gauges) if gauges else ()
        free = [max(gauge.limit - count, 0) for gauge, count in zip(gauges, running, strict=True)]
        left = await self._store.left(windows) if windows else ()
        return [*zip(windows, left, strict=True), *zip(gauges, free, strict=True)]

    async def seed(self, window: Window, used: int) -> None:
        """Say how much was taken of a window before this process began: a restart forgets no day."""
        await self._store.seed(window, used)

    async def close(self) -> None:
        await self._store.close()
        await self._slots.close()

    def _minute(self, now: float) -> int:
        """The minute since the epoch; a clock that steps back a little opens no window that was left already."""
        if now > self._latest or self._latest - now > LONGEST_STEP_BACK_S:
            self._latest = now
        return int(self._latest) // MINUTE_S

    def _counted_of(self, caller: Caller, minute: int) -> Counted:
        known = self._counted.get(caller.key_id)
        if known is None or known.caller is not caller or known.minute != minute:
            windows = windows_of(caller, minute)
            largest = min((w.limit for w in windows if w.measure == "tokens"), default=None)
            known = Counted(caller, minute, windows, gauges_of(caller), (1,) * len(windows), largest)
            self._counted[caller.key_id] = known
        return known


def _amounts(counted: Counted, request: Reckoned) -> Amounts:
    tokens = sum(request.reckoned)
    if counted.largest is not None and tokens > counted.largest:
        window = min(counted.windows, key=lambda w: (w.measure != "tokens", w.limit))
        raise LargerThanLimit(
            f"this request may take {tokens} tokens, and {window.whose} has a limit of {window.limit} tokens per "
            "minute; a shorter prompt or a smaller max_tokens would fit"
        )
    return tuple([tokens if window.measure == "tokens" else 1 for window in counted.windows])


def _refusal(windows: tuple[Window, ...], amounts: Amounts, left: Amounts, now: float) -> RateLimitExceeded:
    """Of several full windows the one that stays full for longest says when to come back."""
    full = [number for number, room in enumerate(left) if room == FULL]
    number = max(full, key=lambda number: windows[number].end)
    window = windows[number]
    wait_s = max(math.ceil(window.end - now), 1)
    needs = f" (this request may take {amounts[number]})" if window.measure == "tokens" else ""
    return RateLimitExceeded(
        f"{window.whose} has reached its limit of {window.limit} {window.measure} per {window.name}{needs}; "
        f"try again in {wait_s} s",
        retry_after_s=wait_s,
    )
