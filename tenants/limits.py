"""In which windows does a caller count, and how does one process count in them? Windows of UTC: minutes and days."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Final, Literal, Self

from msgspec import Struct

from tenants.callers import Caller, Limits

MINUTE_S: Final = 60
DAY_S: Final = 86_400
FULL: Final = -1
Measure = Literal["requests", "tokens"]
Amounts = tuple[int, ...]  # one per window


class Window(Struct, frozen=True):
    """`limit` units of `measure` from `start` (seconds since the epoch, a multiple of `length_s`) until `end`."""

    tenant_id: int
    key_id: int | None  # None: the window of the whole tenant
    counter: str  # whose, what and how long: the same for every window that follows
    whose: str  # in words
    measure: Measure
    name: str  # minute or day
    length_s: int
    start: int
    limit: int

    @property
    def end(self) -> int:
        return self.start + self.length_s


class WindowStore(ABC):
    """Counts what was taken of windows."""

    @abstractmethod
    async def take(self, windows: tuple[Window, ...], amounts: Amounts) -> "tuple[WindowStore, tuple[int, ...]]":
        """Take the amounts from every window, or nothing from any when one has too little left.

        Returns the store that counted, and what then remains in each window, `FULL` where it was too little.
        """

    @abstractmethod
    def correct(self, window: Window, amount: int) -> None:
        """Count `amount` more (less, where it is negative) in `window`, beyond its limit if need be."""

    @abstractmethod
    async def left(self, windows: tuple[Window, ...]) -> tuple[int, ...]:
        """What remains in each window."""

    @abstractmethod
    async def seed(self, window: Window, used: int) -> None:
        """At least `used` units were taken from `window` before this process began."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of connections."""


class LocalWindows(WindowStore):
    """Windows of one process: exact where one web worker serves everybody."""

    def __init__(self) -> None:
        self._used: dict[str, dict[int, int]] = {}  # by counter and start

    async def take(self, windows: tuple[Window, ...], amounts: Amounts) -> tuple[Self, tuple[int, ...]]:
        # No await between looking and counting: requests on one event loop cannot come in between.
        counts = [self._count(window) for window in windows]
        left = []
        full = False
        for window, count, amount in zip(windows, counts, amounts, strict=True):
            room = window.limit - count.get(window.start, 0) - amount
            full = full or room < 0
            left.append(room)
        if full:
            return self, tuple([FULL if room < 0 else room for room in left])
        for window, count, amount in zip(windows, counts, amounts, strict=True):
            count[window.start] = count.get(window.start, 0) + amount
        return self, tuple(left)

    def correct(self, window: Window, amount: int) -> None:
        count = self._count(window)
        count[window.start] = max(count.get(window.start, 0) + amount, 0)

    async def left(self, windows: tuple[Window, ...]) -> tuple[int, ...]:
        return tuple(max(window.limit - self._count(window).get(window.start, 0), 0) for window in windows)

    async def seed(self, window: Window, used: int) -> None:
        count = self._count(window)
        count[window.start] = max(count.get(window.start, 0), used)

    async def close(self) -> None:
        self._used.clear()

    def _count(self, window: Window) -> dict[int, int]:
        """What was taken of this window and of one other: a clock that jumped and came back finds its window again."""
        count = self._used.get(window.counter)
        if count is None:
            count = self._used[window.counter] = {}
        if len(count) > 1 and window.start not in count:
            del count[min(count)]
        return count


def windows_of(caller: Caller, minute: int) -> tuple[Window, ...]:
    """The windows in which `caller` counts in this minute since the epoch: the tenant's, then the key's."""
    tenant = _windows(caller.tenant_id, None, caller.tenant, caller.limits, minute)
    whose = f"key {caller.key_name} of {caller.tenant}"
    return (*tenant, *_windows(caller.tenant_id, caller.key_id, whose, caller.key_limits, minute))


def days_of(callers: Iterable[Caller], minute: int) -> list[Window]:
    """The windows of a day in which any of them counts, each once."""
    found = {
        window.counter: window
        for caller in callers
        if caller.limits.requests_per_day is not None or caller.key_limits.requests_per_day is not None
        for window in windows_of(caller, minute)
        if window.length_s == DAY_S
    }
    return list(found.values())


def _windows(tenant_id: int, key_id: int | None, whose: str, limits: Limits, minute: int) -> Iterator[Window]:
    # The braces keep a tenant's windows on one node of a Redis cluster, where one script counts in all of them.
    subject = f"{{{tenant_id}}}" if key_id is None else f"{{{tenant_id}}}/{key_id}"
    kinds: tuple[tuple[Measure, str, int, int | None], ...] = (
        ("requests", "minute", MINUTE_S, limits.requests_per_minute),
        ("requests", "day", DAY_S, limits.requests_per_day),
        ("tokens", "minute", MINUTE_S, limits.tokens_per_minute),
    )
    for measure, name, length_s, limit in kinds:
        if limit is not None:
            start = minute * MINUTE_S // length_s * length_s
            counter = f"{subject}:{measure}:{name}"
            yield Window(tenant_id, key_id, counter, whose, measure, name, length_s, start, limit)
