"""How do several web workers count together what runs, so that a killed worker's places come free by themselves?

A gauge is a sorted set in Redis: a member per running request, its score the time until which it is believed. Each
worker renews what it holds every few seconds; members that nobody renews are dropped. Times are Redis' own; where its
clock was set back, what is believed for longer than a place ever is was noted by the clock before, and believed anew.

A place is first taken on this machine (`tenants.hostslots`), whose workers so never run more than the limit between
them, whatever becomes of Redis; what runs when Redis comes back is told to it with the next renewal.
"""

import asyncio
from collections import defaultdict
from contextlib import suppress
from itertools import count
from time import monotonic
from typing import Final
from uuid import uuid4
from weakref import WeakKeyDictionary

from tenants.errors import LimitsUnavailable
from tenants.hostslots import HostSlots
from tenants.redislink import AWAY, RedisLink
from tenants.slots import Gauge, Gauges, Slot, SlotStore

BELIEVED_S: Final = 10.0
RENEWED_S: Final = 3.0
AGAIN_S: Final = 0.2
SECOND_LOOK_S: Final = 0.03  # before refusing: a place that another worker is just giving back

# ARGV: ms that a place is believed, the member, a limit per key. 0, or the number of the gauge that is full.
TAKE: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for i, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. (now + ARGV[1]), '+inf')) do
    redis.call('ZADD', key, now + ARGV[1], member)
  end
  if redis.call('ZCARD', key) >= tonumber(ARGV[2 + i]) then return i end
end
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + ARGV[1], ARGV[2])
  redis.call('PEXPIRE', key, 2 * ARGV[1])
end
return 0
"""
# ARGV: ms that a place is believed, how many members are freed, those, then those that are renewed.
RENEW: Final = """
local t = redis.call('TIME')
local until_ms = t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[1]
for i = 3, #ARGV do
  if i - 2 <= tonumber(ARGV[2]) then
    redis.call('ZREM', KEYS[1], ARGV[i])
  else
    redis.call('ZADD', KEYS[1], until_ms, ARGV[i])
    redis.call('PEXPIRE', KEYS[1], 2 * ARGV[1])
  end
end
"""
RUNNING: Final = """
local t = redis.call('TIME')
return redis.call('ZCOUNT', KEYS[1], '(' .. (t[1] * 1000 + math.floor(t[2] / 1000)), '+inf')
"""
BELIEVED_MS: Final = int(BELIEVED_S * 1000)


class Session:
    """What belongs to one event loop: which members it holds and has freed, by gauge; who tells Redis."""

    def __init__(self) -> None:
        self.held: dict[str, set[str]] = defaultdict(set)
        self.freed: dict[str, list[str]] = {}
        self.news = asyncio.Event()
        self.teller: asyncio.Task[None] | None = None


class LeasedSlots(SlotStore):
    """Gauges that all workers share, of one machine through `host`, and of all `hosts` machines through Redis. While
    it is away: as rate limits, by `fail_open`."""

    def __init__(
        self,
        link: RedisLink,
        host: HostSlots | None = None,
        hosts: int = 1,
        *,
        fail_open: bool = True,
        prefix: str = "neuroroute:running:",
    ) -> None:
        self._link, self._fail_open, self._prefix = link, fail_open, prefix
        self._host, self._hosts = host or HostSlots(), hosts
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, Session] = WeakKeyDictionary()
        self._names = map(f"{uuid4().hex}:{{}}".format, count())

    async def take(self, gauges: Gauges) -> Slot:
        slot = Slot(self, gauges, next(self._names))
        try:
            full = await self._take(slot)
            if full is not None:
                await asyncio.sleep(SECOND_LOOK_S)
                full = await self._take(slot)
        except AWAY as exc:
            self._link.note_away(exc)
            return self._alone(slot)
        if full is not None:
            raise full.refusal()
        return self._held(slot)

    def free(self, slot: Slot) -> None:
        self._free_here(slot.gauges)
        self._free_there(slot)

    async def running(self, gauges: Gauges) -> tuple[int, ...]:
        try:
            self._link.check()
            client = self._link.client
            counts = [int(await client.eval(RUNNING, 1, self._prefix + gauge.counter)) for gauge in gauges]
            return tuple(counts)
        except AWAY as exc:
            self._link.note_away(exc)
        return self._host.running(gauges)

    async def close(self) -> None:
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            if session.teller is not None:
                session.teller.cancel()
                with suppress(asyncio.CancelledError):
                    await session.teller
            with suppress(*AWAY):
                await self._tell(session, renew=False)
        await self._link.close()

    async def _take(self, slot: Slot) -> Gauge | None:
        """A place on this machine and in Redis, or in neither: then the gauge that is full; raises what Redis does."""
        if (full := self._host.take(slot.gauges)) is not None:
            return full
        try:
            number = await self._ask(slot)
        except asyncio.CancelledError:
            self.free(slot)  # the client left, and nobody knows whether Redis was asked already
            raise
        except BaseException:
            self._free_here(slot.gauges)
            raise
        if number:
            self._free_here(slot.gauges)
            return slot.gauges[number - 1]
        return None

    async def _ask(self, slot: Slot) -> int:
        """0, or the number of the gauge that is full in Redis."""
        self._link.check()
        keys = [self._prefix + gauge.counter for gauge in slot.gauges]
        arguments = [BELIEVED_MS, slot.name, *(gauge.limit for gauge in slot.gauges)]
        return int(await self._link.client.eval(TAKE, len(keys), *keys, *map(str, arguments)))

    def _alone(self, slot: Slot) -> Slot:
        """Redis is away: a place of this machine's part."""
        if not self._fail_open:
            raise LimitsUnavailable("Limits cannot be checked at the moment; try again soon.", retry_after_s=1)
        if (full := self._host.take(slot.gauges, self._hosts)) is not None:
            raise full.refusal()
        return self._held(slot)

    def _free_here(self, gauges: Gauges) -> None:
        try:
            self._host.free(gauges)
        except LimitsUnavailable:  # another worker was stopped while it counted: later, for a place must not be lost
            asyncio.get_running_loop().call_later(AGAIN_S, self._free_here, gauges)

    def _free_there(self, slot: Slot) -> None:
        session = self._session()
        for gauge in slot.gauges:
            session.held[gauge.counter].discard(slot.name)
            session.freed.setdefault(gauge.counter, []).append(slot.name)
        session.news.set()
        self._see_to_telling(session)

    def _held(self, slot: Slot) -> Slot:
        session = self._session()
        for gauge in slot.gauges:
            session.held[gauge.counter].add(slot.name)
        self._see_to_telling(session)
        return slot

    def _see_to_telling(self, session: Session) -> None:
        if session.teller is None or session.teller.done():
            session.teller = asyncio.create_task(self._keep_telling(session))

    async def _keep_telling(self, session: Session) -> None:
        """Renew what is held and drop what is freed, until there is neither. Nobody else does: the order is kept."""
        renewed = monotonic()
        while any(session.held.values()) or session.freed:
            with suppress(TimeoutError):
                await asyncio.wait_for(session.news.wait(), max(renewed + RENEWED_S - monotonic(), 0.01))
            session.news.clear()
            due = monotonic() >= renewed + RENEWED_S
            renewed = monotonic() if due else renewed
            try:
                await self._tell(session, renew=due)
            except AWAY as exc:  # what was freed and not told is dropped when nobody renews it
                self._link.note_away(exc)

    async def _tell(self, session: Session, renew: bool) -> None:
        freed, session.freed = session.freed, {}
        self._link.check()
        for counter in [*session.held] if renew else [*freed]:
            held, over = session.held[counter], freed.get(counter, [])
            if not held:
                del session.held[counter]
            if renew or over:
                arguments = [BELIEVED_MS, len(over), *over, *(held if renew else ())]
                await self._link.client.eval(RENEW, 1, self._prefix + counter, *map(str, arguments))

    def _session(self) -> Session:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            session = self._sessions[loop] = Session()
        return session
