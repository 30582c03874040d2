"""May this caller make one more request now? Requests per minute and per day, in windows of UTC."""

import math
from abc import ABC, abstractmethod
from typing import Final

from msgspec import Struct

from tenants.callers import Caller, Limits
from tenants.errors import RateLimitExceeded

MINUTE_S: Final = 60
DAY_S: Final = 86_400
FULL: Final = -1


class Window(Struct, frozen=True):
    """`limit` requests from `start` (seconds since the epoch, a multiple of `length_s`) until `end`."""

    name: str  # minute or day
    length_s: int
    start: int
    limit: int

    @property
    def end(self) -> int:
        return self.start + self.length_s


class RateState(Struct, frozen=True):
    """The tightest window after a request was admitted: what `x-ratelimit-*` headers say."""

    limit: int
    remaining: int
    reset_s: float


class WindowStore(ABC):
    """Counts what was taken of every tenant's windows."""

    @abstractmethod
    async def take(self, tenant_id: int, windows: tuple[Window, ...]) -> tuple[int, ...]:
        """Take one request from every window, or from none when one is full.

        Returns what then remains in each, `FULL` for the ones that are full.
        """

    @abstractmethod
    async def seed(self, tenant_id: int, window: Window, used: int) -> None:
        """At least `used` requests were taken from `window` before this process began."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of connections."""


class RateLimiter:
    """Admits requests as long as the tenant's windows have room; `store` decides between which processes they count."""

    def __init__(self, store: WindowStore) -> None:
        self._store = store
        self._windows: dict[int, tuple[Limits, int, tuple[Window, ...]]] = {}  # by tenant, for the present minute

    async def admit(self, caller: Caller, now: float) -> RateState | None:
        """Count one request, at `now` seconds since the epoch; None when the tenant has no limit.

        Raises `RateLimitExceeded`, with the seconds until the window that refused begins anew; nothing is counted then.
        """
        limits = caller.limits
        if limits.requests_per_minute is None and limits.requests_per_day is None:
            return None
        windows = self._windows_of(caller.tenant_id, limits, int(now) // MINUTE_S)
        remaining = await self._store.take(caller.tenant_id, windows)
        if FULL in remaining:
            raise _refusal(caller, windows, remaining, now)
        tightest = -1 if remaining[-1] <= remaining[0] else 0  # the day comes last, and counts when both have as much
        window = windows[tightest]
        return RateState(limit=window.limit, remaining=remaining[tightest], reset_s=window.end - now)

    async def seed(self, tenant_id: int, day_start: int, used: int) -> None:
        """Say how many requests a tenant made on the UTC day that began at `day_start`: a restart forgets none."""
        await self._store.seed(tenant_id, Window("day", DAY_S, day_start, limit=0), used)

    async def close(self) -> None:
        await self._store.close()

    def _windows_of(self, tenant_id: int, limits: Limits, minute: int) -> tuple[Window, ...]:
        """Built once a minute and tenant: on the way of a request they would cost more than the counting."""
        known = self._windows.get(tenant_id)
        if known is None or known[0] is not limits or known[1] != minute:
            known = self._windows[tenant_id] = (limits, minute, _windows(limits, minute * MINUTE_S))
        return known[2]


class Count:
    """What was taken of one window."""

    __slots__ = ("start", "used")

    def __init__(self, start: int) -> None:
        self.start = start
        self.used = 0


class LocalWindows(WindowStore):
    """Windows of one process: exact where one web worker serves everybody."""

    def __init__(self) -> None:
        self._counts: dict[tuple[int, str], Count] = {}  # by tenant and name of the window

    async def take(self, tenant_id: int, windows: tuple[Window, ...]) -> tuple[int, ...]:
        # No await between looking and counting: requests on one event loop cannot come in between.
        counts = [self._count(tenant_id, window) for window in windows]
        left = [window.limit - count.used for window, count in zip(windows, counts, strict=True)]
        if min(left) <= 0:
            return tuple(FULL if room <= 0 else room for room in left)
        for count in counts:
            count.used += 1
        return tuple([room - 1 for room in left])

    async def seed(self, tenant_id: int, window: Window, used: int) -> None:
        count = self._count(tenant_id, window)
        count.used = max(count.used, used)

    async def close(self) -> None:
        self._counts.clear()

    def _count(self, tenant_id: int, window: Window) -> Count:
        count = self._counts.get((tenant_id, window.name))
        if count is None or count.start != window.start:
            count = self._counts[tenant_id, window.name] = Count(window.start)
        return count


def _windows(limits: Limits, minute_start: int) -> tuple[Window, ...]:
    """The windows that have a limit, the shorter first."""
    found = []
    if limits.requests_per_minute is not None:
        found.append(Window("minute", MINUTE_S, minute_start, limits.requests_per_minute))
    if limits.requests_per_day is not None:
        found.append(Window("day", DAY_S, minute_start // DAY_S * DAY_S, limits.requests_per_day))
    return tuple(found)


def _refusal(caller: Caller, windows: tuple[Window, ...], left: tuple[int, ...], now: float) -> RateLimitExceeded:
    """Of several full windows the one that stays full for longest says when to come back."""
    full = [window for window, room in zip(windows, left, strict=True) if room == FULL]
    window = max(full, key=lambda window: window.end)
    wait_s = max(math.ceil(window.end - now), 1)
    limit = f"{window.limit} requests per {window.name}"
    return RateLimitExceeded(
        f"{caller.tenant} has reached its limit of {limit}; try again in {wait_s} s", retry_after_s=wait_s
    )
