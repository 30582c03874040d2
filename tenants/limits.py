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

    async def admit(self, caller: Caller, now: float) -> RateState | None:
        """Count one request, at `now` seconds since the epoch; None when the tenant has no limit.

        Raises `RateLimitExceeded`, with the seconds until the window that refused begins anew; nothing is counted then.
        """
        windows = _windows(caller.limits, now)
        if not windows:
            return None
        remaining = await self._store.take(caller.tenant_id, windows)
        if FULL in remaining:
            raise _refusal(caller, windows, remaining, now)
        tightest = min(range(len(windows)), key=lambda index: (remaining[index], -windows[index].end))
        window = windows[tightest]
        return RateState(limit=window.limit, remaining=remaining[tightest], reset_s=window.end - now)

    async def seed(self, tenant_id: int, day_start: int, used: int) -> None:
        """Say how many requests a tenant made on the UTC day that began at `day_start`: a restart forgets none."""
        await self._store.seed(tenant_id, Window("day", DAY_S, day_start, limit=0), used)

    async def close(self) -> None:
        await self._store.close()


class LocalWindows(WindowStore):
    """Windows of one process: exact where one web worker serves everybody."""

    def __init__(self) -> None:
        self._used: dict[tuple[int, str], tuple[int, int]] = {}  # (tenant, window) -> (start, used)

    async def take(self, tenant_id: int, windows: tuple[Window, ...]) -> tuple[int, ...]:
        # No await between looking and counting: requests on one event loop cannot come in between.
        left = tuple(window.limit - self._used_of(tenant_id, window) for window in windows)
        if min(left) <= 0:
            return tuple(FULL if room <= 0 else room for room in left)
        for window, room in zip(windows, left, strict=True):
            self._used[tenant_id, window.name] = (window.start, window.limit - room + 1)
        return tuple(room - 1 for room in left)

    async def seed(self, tenant_id: int, window: Window, used: int) -> None:
        self._used[tenant_id, window.name] = (window.start, max(used, self._used_of(tenant_id, window)))

    async def close(self) -> None:
        self._used.clear()

    def _used_of(self, tenant_id: int, window: Window) -> int:
        start, used = self._used.get((tenant_id, window.name), (window.start, 0))
        return used if start == window.start else 0


def _windows(limits: Limits, now: float) -> tuple[Window, ...]:
    minute, day = limits.requests_per_minute, limits.requests_per_day
    if minute is None and day is None:
        return ()
    found = []
    if minute is not None:
        found.append(Window("minute", MINUTE_S, int(now) // MINUTE_S * MINUTE_S, minute))
    if day is not None:
        found.append(Window("day", DAY_S, int(now) // DAY_S * DAY_S, day))
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
