"""How several web workers share one window: each leases a slice of it from Redis and spends it in memory.

A slice is taken from what the machine has counted (`tenants.hostwindows`), and then granted by one atomic script in
Redis, so that neither the workers of a machine nor several machines together admit more than the limit; what a worker
leased and did not spend is lost when the window ends. Slices are a four hundredth of what is left, what one request
needs near the limit and for small limits, so that what is lost is little. Tokens that a request did not take after all
go back into the worker's slice, and beyond a slice's size to machine and Redis.

While Redis is away: with `fail_open` the machine counts by itself, and Redis is told when it is back; without it,
requests of callers that have limits are refused.
"""

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import Any, Final
from weakref import WeakKeyDictionary

from redis.asyncio import Redis

from tenants.errors import LimitsUnavailable
from tenants.hostwindows import LARGEST_SLICE, SHARE, HostWindows, Needs, Reserved
from tenants.limits import FULL, Amounts, Window, WindowStore
from tenants.redislink import AWAY, RedisLink

GRACE_S: Final = 60  # clocks of workers differ: a window's counter outlives it

# Grants from every window or from none. Per window: ARGV limit, seconds to live, units needed and wanted, what Redis
# had counted already (it may have forgotten), what it does not know of; answers granted (0: too little is left), used
# after.
LEASE: Final = f"""
local before, used, answer = {{}}, {{}}, {{}}
local full = false
for i, key in ipairs(KEYS) do
  before[i] = tonumber(redis.call('GET', key) or '0')
  used[i] = math.max(before[i], tonumber(ARGV[6 * i - 1])) + tonumber(ARGV[6 * i])
  if used[i] + tonumber(ARGV[6 * i - 3]) > tonumber(ARGV[6 * i - 5]) then full = true end
end
for i, key in ipairs(KEYS) do
  local left, granted = tonumber(ARGV[6 * i - 5]) - used[i], 0
  if not full then
    granted = math.max(tonumber(ARGV[6 * i - 3]), math.min(tonumber(ARGV[6 * i - 2]), math.floor(left / {SHARE})))
  end
  if used[i] + granted ~= before[i] then
    redis.call('SET', key, string.format('%.0f', used[i] + granted), 'EX', ARGV[6 * i - 4])
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
    """Windows that all workers share, of one machine through `host`, and of all machines through Redis."""

    def __init__(
        self,
        link: RedisLink,
        host: HostWindows | None = None,
        *,
        fail_open: bool = True,
        prefix: str = "neuroroute:rate:",
    ) -> None:
        self._link, self._fail_open, self._prefix = link, fail_open, prefix
        self._host = host or HostWindows()
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, Session] = WeakKeyDictionary()

    async def take(self, windows: tuple[Window, ...], amounts: Amounts) -> tuple[WindowStore, tuple[int, ...]]:
        session = self._session()
        slices = session.slices_of(windows)
        if _enough(slices, amounts):
            return self, _spend(slices, amounts)
        async with session.locks[windows[0].tenant_id]:
            slices = session.slices_of(windows)
            while not _enough(slices, amounts):  # another request may have leased while this one waited
                hopeless = any(held.is_spent_for(amount) for held, amount in zip(slices, amounts, strict=True))
                left = _left(slices, amounts) if hopeless else await self._lease(session, slices, amounts)
                if FULL in left:  # else it was granted, or something came back meanwhile
                    return self, left
            return self, _spend(slices, amounts)

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
            with suppress(LimitsUnavailable):
                self._host.add(window, amount)
            session.owed[window] = session.owed.get(window, 0) + amount
            if session.paying is None:
                session.paying = asyncio.create_task(self._pay(session))

    async def left(self, windows: tuple[Window, ...]) -> tuple[int, ...]:
        session = self._session()
        try:
            used = [int(await self._link.client.get(self._key(window)) or 0) for window in windows]
        except AWAY as exc:
            self._link.note_away(exc)
            return self._host.left(windows)
        held = [session.slice_of(window).left for window in windows]
        return tuple(max(w.limit - u, 0) + left for w, u, left in zip(windows, used, held, strict=True))

    async def seed(self, window: Window, used: int) -> None:
        self._host.seed(window, used)
        try:
            await self._link.client.eval(SEED, 1, self._key(window), used, window.length_s + GRACE_S)
        except AWAY as exc:
            self._link.note_away(exc)

    async def close(self) -> None:
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None and session.paying is not None:
            await session.paying
        await self._link.close()

    async def _lease(self, session: Session, slices: list[Slice], amounts: Amounts) -> Amounts:
        """Ask for what the slices lack; what is left then of each window, `FULL` where it is too little."""
        short = [(held, amount - held.left) for held, amount in zip(slices, amounts, strict=True) if held.left < amount]
        needs = [(held.window, needed) for held, needed in short]
        reserved = self._host.reserve(needs)
        if reserved is None:
            return self._refused(slices, amounts)
        try:
            answer = await self._ask(session, needs, reserved)
        except AWAY as exc:
            self._link.note_away(exc)
            return self._leased_alone(slices, amounts, short, reserved)
        except BaseException:
            self._host.undo(needs, reserved)
            raise
        self._host.granted(needs, reserved, answer)
        for (held, _), (granted, used) in zip(short, answer, strict=True):
            held.left, held.used = held.left + granted, used
        return _left(slices, amounts)

    async def _ask(self, session: Session, needs: Needs, reserved: list[Reserved]) -> list[tuple[int, int]]:
        """What Redis grants of each, and what is used then; raises what Redis does."""
        self._link.check()
        arguments: list[int] = []
        for (window, needed), asked in zip(needs, reserved, strict=True):
            arguments += (window.limit, window.length_s + GRACE_S, needed, asked.wanted, asked.floor, asked.debt)
        answer: Any = await session.lease(keys=[self._key(window) for window, _ in needs], args=arguments)
        return [(int(granted), int(used)) for granted, used in zip(answer[::2], answer[1::2], strict=True)]

    def _leased_alone(
        self, slices: list[Slice], amounts: Amounts, short: list[tuple[Slice, int]], reserved: list[Reserved]
    ) -> Amounts:
        """Redis is away: the machine grants what is needed, of its part."""
        needs = [(held.window, needed) for held, needed in short]
        if not self._host.undo(needs, reserved, keep=self._fail_open):
            if not self._fail_open:
                raise LimitsUnavailable("Rate limits cannot be checked at the moment; try again soon.", retry_after_s=1)
            return self._refused(slices, amounts)
        for (held, needed), used in zip(short, self._host.used([window for window, _ in needs]), strict=True):
            held.left, held.used = held.left + needed, used
        return _left(slices, amounts)

    def _refused(self, slices: list[Slice], amounts: Amounts) -> Amounts:
        """What the machine has left; something is `FULL`."""
        rooms = self._host.left([held.window for held in slices])
        left = [room + held.left for room, held in zip(rooms, slices, strict=True)]
        told = tuple([FULL if room < amount else room for room, amount in zip(left, amounts, strict=True)])
        return told if FULL in told else (FULL, *told[1:])

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


def _left(slices: list[Slice], amounts: Amounts) -> Amounts:
    remaining = [(held.remaining, amount) for held, amount in zip(slices, amounts, strict=True)]
    return tuple([FULL if left < amount else left for left, amount in remaining])
