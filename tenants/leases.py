"""How several web workers share one rate window: each leases a slice of it from Redis and spends it in memory.

A slice is granted by one atomic script, so that no number of workers admits more than the limit; what a worker leased
and did not spend is lost when the window ends. Slices are a hundredth of what is left, one request near the limit and
for small limits, so that what is lost is little.

While Redis is away: with `fail_open` each worker counts by itself (so that N workers admit up to N times the limit)
and logs a line per minute; without it, requests of tenants that have limits are refused.
"""

import asyncio
import logging
import time
from collections import defaultdict
from typing import Any, Final
from weakref import WeakKeyDictionary

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tenants.errors import LimitsUnavailable
from tenants.limits import FULL, LocalWindows, Window, WindowStore

logger = logging.getLogger(__name__)
LARGEST_SLICE: Final = 100
PATIENCE_S: Final = 0.25  # a request never waits longer for Redis
PAUSE_S: Final = 1.0  # between attempts to reach a Redis that is away
LOG_EVERY_S: Final = 60.0
GRACE_S: Final = 60  # clocks of workers differ: a window's counter outlives it

# Grants from every window or from none. Per window: ARGV limit, seconds to live; answers granted (0: full), used after.
LEASE: Final = f"""
local used, answer = {{}}, {{}}
local full = false
for i, key in ipairs(KEYS) do
  used[i] = tonumber(redis.call('GET', key) or '0')
  if used[i] >= tonumber(ARGV[2 * i - 1]) then full = true end
end
for i, key in ipairs(KEYS) do
  local left, granted = tonumber(ARGV[2 * i - 1]) - used[i], 0
  if not full then
    granted = math.max(1, math.min({LARGEST_SLICE}, math.floor(left / 100)))
    redis.call('INCRBY', key, granted)
    redis.call('EXPIRE', key, ARGV[2 * i])
  end
  table.insert(answer, granted)
  table.insert(answer, used[i] + granted)
end
return answer
"""
SEED: Final = """
if tonumber(redis.call('GET', KEYS[1]) or '0') < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
end
"""


class Slice:
    """What this worker holds of one window of one tenant."""

    __slots__ = ("full", "left", "used", "window")

    def __init__(self, window: Window) -> None:
        self.window = window
        self.left = 0
        self.used = 0  # of the whole window, by all workers, when last heard
        self.full = False

    @property
    def remaining(self) -> int:
        return max(self.window.limit - self.used, 0) + self.left


class Session:
    """What belongs to one event loop: the client, the slices, a lock per tenant."""

    def __init__(self, url: str) -> None:
        self.redis: Redis = Redis.from_url(
            url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S, retry=Retry(NoBackoff(), 0)
        )
        self.lease = self.redis.register_script(LEASE)
        self.slices: dict[tuple[int, str], Slice] = {}
        self.locks: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    def slices_of(self, tenant_id: int, windows: tuple[Window, ...]) -> list[Slice]:
        return [self._slice(tenant_id, window) for window in windows]

    def _slice(self, tenant_id: int, window: Window) -> Slice:
        held = self.slices.get((tenant_id, window.name))
        if held is None or (held.window is not window and held.window != window):  # a new window, or a new limit
            held = self.slices[tenant_id, window.name] = Slice(window)
        return held


class LeasedWindows(WindowStore):
    """Windows that all workers share through Redis."""

    def __init__(self, url: str, *, fail_open: bool = True, prefix: str = "neuroroute:rate:") -> None:
        self._url, self._fail_open, self._prefix = url, fail_open, prefix
        self._alone = LocalWindows()
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, Session] = WeakKeyDictionary()
        self._away_until = self._quiet_until = 0.0

    async def take(self, tenant_id: int, windows: tuple[Window, ...]) -> tuple[int, ...]:
        session = self._session()
        slices = session.slices_of(tenant_id, windows)
        if all([held.left for held in slices]):
            return _spend(slices)
        if any(held.full for held in slices):
            return _refused(slices)
        try:
            return await self._lease_and_spend(session, tenant_id, windows)
        except (RedisError, OSError, TimeoutError) as exc:
            self._note_away(exc)
        if not self._fail_open:
            raise LimitsUnavailable("Rate limits cannot be checked at the moment; try again soon.", retry_after_s=1)
        return await self._alone.take(tenant_id, windows)

    async def seed(self, tenant_id: int, window: Window, used: int) -> None:
        await self._alone.seed(tenant_id, window, used)
        arguments = (used, window.length_s + GRACE_S)
        try:
            await self._session().redis.eval(SEED, 1, self._key(tenant_id, window), *arguments)
        except (RedisError, OSError, TimeoutError) as exc:
            self._note_away(exc)

    async def close(self) -> None:
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.redis.aclose()

    async def _lease_and_spend(self, session: Session, tenant_id: int, windows: tuple[Window, ...]) -> tuple[int, ...]:
        async with session.locks[tenant_id]:
            slices = session.slices_of(tenant_id, windows)  # another request may have leased while this one waited
            empty = [held for held in slices if not held.left]
            if empty and not any(held.full for held in slices):
                await self._lease(session, tenant_id, empty)
            return _spend(slices) if all(held.left for held in slices) else _refused(slices)

    async def _lease(self, session: Session, tenant_id: int, empty: list[Slice]) -> None:
        if time.monotonic() < self._away_until:
            raise TimeoutError("Redis was away a moment ago")
        arguments: list[int] = []
        for held in empty:
            arguments += (held.window.limit, held.window.length_s + GRACE_S)
        keys = [self._key(tenant_id, held.window) for held in empty]
        answer: Any = await session.lease(keys=keys, args=arguments)
        for held, granted, used in zip(empty, answer[::2], answer[1::2], strict=True):
            held.left, held.used = int(granted), int(used)
            held.full = held.used >= held.window.limit and not held.left

    def _session(self) -> Session:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            session = self._sessions[loop] = Session(self._url)
        return session

    def _key(self, tenant_id: int, window: Window) -> str:
        # The braces keep a tenant's windows on one node of a Redis cluster, where the script needs them.
        return f"{self._prefix}{{{tenant_id}}}:{window.name}:{window.start}"

    def _note_away(self, exc: Exception) -> None:
        now = time.monotonic()
        if now >= self._away_until:
            self._away_until = now + PAUSE_S
        if now >= self._quiet_until:
            self._quiet_until = now + LOG_EVERY_S
            what = "each worker counts by itself" if self._fail_open else "requests of limited tenants are refused"
            logger.warning("rate limits: Redis cannot be reached, %s: %s", what, exc)


def _spend(slices: list[Slice]) -> tuple[int, ...]:
    for held in slices:
        held.left -= 1
    return tuple([held.remaining for held in slices])


def _refused(slices: list[Slice]) -> tuple[int, ...]:
    return tuple(FULL if held.full else held.remaining for held in slices)
