"""How several web workers share one window: each leases a slice of it from Redis and spends it in memory.

A slice is granted by one atomic script, so that no number of workers admits more than the limit; what a worker leased
and did not spend is lost when the window ends. Slices are a four hundredth of what is left, what one request needs near
the limit and for small limits, so that what is lost is little. Tokens that a request did not take after all go back
into the worker's slice, and beyond a slice's size to Redis.

While Redis is away: with `fail_open` each worker counts by itself (so that N workers admit up to N times the limit);
without it, requests of callers that have limits are refused.
"""

import asyncio
from collections import defaultdict
from typing import Any, Final
from weakref import WeakKeyDictionary

from redis.asyncio import Redis

from tenants.errors import LimitsUnavailable
from tenants.limits import FULL, Amounts, LocalWindows, Measure, Window, WindowStore
from tenants.redislink import AWAY, RedisLink

SHARE: Final = 400  # the part of what is left that one slice is: with four idle workers one percent is not spent
LARGEST_SLICE: Final[dict[Measure, int]] = {"requests": 100, "tokens": 200_000}
GRACE_S: Final = 60  # clocks of workers differ: a window's counter outlives it

# Grants from every window or from none. Per window: ARGV limit, seconds to live, units needed, the largest slice;
# answers granted (0: too little is left), used after.
LEASE: Final = f"""
local used, answer = {{}}, {{}}
local full = false
for i, key in ipairs(KEYS) do
  used[i] = tonumber(redis.call('GET', key) or '0')
  if used[i] + tonumber(ARGV[4 * i - 1]) > tonumber(ARGV[4 * i - 3]) then full = true end
end
for i, key in ipairs(KEYS) do
  local left, granted = tonumber(ARGV[4 * i - 3]) - used[i], 0
  if not full then
    granted = math.max(tonumber(ARGV[4 * i - 1]), math.min(tonumber(ARGV[4 * i]), math.floor(left / {SHARE})))
    redis.call('INCRBY', key, granted)
    redis.call('EXPIRE', key, ARGV[4 * i - 2])
  end
  table.insert(answer, granted)
  table.insert(answer, used[i] + granted)
end
return answer
"""
# What goes back to a window that is over goes nowhere: ARGV units more or less, seconds to live.
CORRECT: Final = """
local more = tonumber(ARGV[1])
if more > 0 or redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('INCRBY', KEYS[1], more)
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
"""
SEED: Final = """
if tonumber(redis.call('GET', KEYS[1]) or '0') < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
end
"""


class Slice:
    """What this worker holds of one window."""

    __slots__ = ("left", "used", "window")

    def __init__(self, window: Window) -> None:
        self.window = window
        self.left = 0
        self.used = 0  # of the whole window, by all workers, when last heard

    @property
    def remaining(self) -> int:
        return max(self.window.limit - self.used, 0) + self.left

    @property
    def size(self) -> int:
        """How much of the window this worker keeps at most without need."""
        return min(self.window.limit // SHARE, LARGEST_SLICE[self.window.measure])

    def is_spent_for(self, amount: int) -> bool:
        """Whether asking again is of no use: nobody gives requests back."""
        return self.window.measure == "requests" and self.remaining < amount


class Session:
    """What belongs to one event loop: the slices, a lock per tenant, what is owed to Redis."""

    def __init__(self, client: Redis) -> None:
        self.lease = client.register_script(LEASE)
        self.correct = client.register_script(CORRECT)
        self.slices: dict[str, Slice] = {}  # by counter
        self.locks: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.owed: dict[Window, int] = {}  # to be counted in Redis
        self.paying: asyncio.Task[None] | None = None

    def slices_of(self, windows: tuple[Window, ...]) -> list[Slice]:
        return [self.slice_of(window) for window in windows]

    def slice_of(self, window: Window) -> Slice:
        held = self.slices.get(window.counter)
        if held is None or (held.window is not window and held.window != window):  # a new window, or a new limit
            held = self.slices[window.counter] = Slice(window)
        return held


class LeasedWindows(WindowStore):
    """Windows that all workers share through Redis."""

    def __init__(self, link: RedisLink, *, fail_open: bool = True, prefix: str = "neuroroute:rate:") -> None:
        self._link, self._fail_open, self._prefix = link, fail_open, prefix
        self._alone = LocalWindows()
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, Session] = WeakKeyDictionary()

    async def take(self, windows: tuple[Window, ...], amounts: Amounts) -> tuple[WindowStore, tuple[int, ...]]:
        session = self._session()
        slices = session.slices_of(windows)
        if _enough(slices, amounts):
            return self, _spend(slices, amounts)
        try:
            return self, await self._lease_and_spend(session, windows, amounts)
        except AWAY as exc:
            self._link.note_away(exc)
        if not self._fail_open:
            raise LimitsUnavailable("Rate limits cannot be checked at the moment; try again soon.", retry_after_s=1)
        for held in slices:
            await self._alone.seed(held.window, held.used)  # what all had taken when Redis was last heard
        return await self._alone.take(windows, amounts)

    def correct(self, window: Window, amount: int) -> None:
        session = self._session()
        held = session.slice_of(window) if amount > 0 else session.slices.get(window.counter)
        if held is None or held.window.start != window.start:
            return  # what was not spent ended with its window
        if amount < 0:
            held.left -= amount
            amount = -max(held.left - held.size, 0)
            held.left += amount
        held.used += amount
        if amount:
            session.owed[window] = session.owed.get(window, 0) + amount
            if session.paying is None:
                session.paying = asyncio.create_task(self._pay(session))

    async def left(self, windows: tuple[Window, ...]) -> tuple[int, ...]:
        session = self._session()
        try:
            used = [int(await self._link.client.get(self._key(window)) or 0) for window in windows]
        except AWAY as exc:
            self._link.note_away(exc)
            return await self._alone.left(windows)
        held = [session.slice_of(window).left for window in windows]
        return tuple(max(w.limit - u, 0) + left for w, u, left in zip(windows, used, held, strict=True))

    async def seed(self, window: Window, used: int) -> None:
        await self._alone.seed(window, used)
        try:
            await self._link.client.eval(SEED, 1, self._key(window), used, window.length_s + GRACE_S)
        except AWAY as exc:
            self._link.note_away(exc)

    async def close(self) -> None:
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None and session.paying is not None:
            await session.paying
        await self._link.close()

    async def _lease_and_spend(self, session: Session, windows: tuple[Window, ...], amounts: Amounts) -> Amounts:
        async with session.locks[windows[0].tenant_id]:
            slices = session.slices_of(windows)
            while not _enough(slices, amounts):  # another request may have leased while this one waited
                hopeless = any(held.is_spent_for(amount) for held, amount in zip(slices, amounts, strict=True))
                if hopeless or not await self._lease(session, slices, amounts):
                    left = tuple([_left(held, amount) for held, amount in zip(slices, amounts, strict=True)])
                    if FULL in left:  # else something came back meanwhile
                        return left
            return _spend(slices, amounts)

    async def _lease(self, session: Session, slices: list[Slice], amounts: Amounts) -> bool:
        """Ask for what the slices lack; whether it was granted."""
        self._link.check()
        short = [(held, amount - held.left) for held, amount in zip(slices, amounts, strict=True) if held.left < amount]
        arguments: list[int] = []
        for held, needed in short:
            window = held.window
            arguments += (window.limit, window.length_s + GRACE_S, needed, LARGEST_SLICE[window.measure])
        keys = [self._key(held.window) for held, _ in short]
        answer: Any = await session.lease(keys=keys, args=arguments)
        for (held, _), granted, used in zip(short, answer[::2], answer[1::2], strict=True):
            held.left, held.used = held.left + int(granted), int(used)
        return bool(answer[0])

    async def _pay(self, session: Session) -> None:
        """Count in Redis what is owed to it, together what came together; what cannot be paid is forgotten."""
        try:
            while session.owed:
                window, amount = session.owed.popitem()
                await session.correct(keys=[self._key(window)], args=[amount, window.length_s + GRACE_S])
        except AWAY as exc:
            session.owed.clear()
            self._link.note_away(exc)
        finally:
            session.paying = None

    def _session(self) -> Session:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            session = self._sessions[loop] = Session(self._link.client)
        return session

    def _key(self, window: Window) -> str:
        return f"{self._prefix}{window.counter}:{window.start}"


def _enough(slices: list[Slice], amounts: Amounts) -> bool:
    return all([held.left >= amount for held, amount in zip(slices, amounts, strict=True)])


def _spend(slices: list[Slice], amounts: Amounts) -> Amounts:
    for held, amount in zip(slices, amounts, strict=True):
        held.left -= amount
    return tuple([held.remaining for held in slices])


def _left(held: Slice, amount: int) -> int:
    remaining = held.remaining
    return FULL if remaining < amount else remaining
