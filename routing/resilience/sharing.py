"""How do several workers act on what one has learnt, and send one probe together? Through Redis, beside the requests.

A hash holds what is open or barred. Before it serves, twice a second, and as soon as something changes, each worker
tells what is new here, takes over what is new there, and takes back what another has taken back. Of a breaker that is
about to be half open a worker claims the probe; who has no claim sends none. No request waits for any of this. While
Redis is away each worker acts by itself, which is logged once a minute.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from math import inf, nan
from time import monotonic, time
from typing import Any, Final
from uuid import uuid4

from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from routing.resilience.health import Health, Key
from routing.resilience.news import Stamp, stamps, taken_back, taken_over, told

logger = logging.getLogger(__name__)
EVERY_S: Final = 0.5
TOGETHER_S: Final = 0.02  # changes that follow each other so closely are told together
PATIENCE_S: Final = 1.0
LOG_EVERY_S: Final = 60.0
KEPT_S: Final = 2 * 24 * 3600  # longer than any bar that ends by itself
LEAD_S: Final = 1.2  # so long before a cooldown ends its probe is claimed
CLAIM_S: Final = 5.0  # whoever has claimed a probe and not sent it by then lets others
PAUSE_S: Final = 1.5 * EVERY_S  # before claiming again what one has not used: others are to have their turn
MARGIN_S: Final = 0.5  # a claim ends here before it ends there
SET_S: Final = 0.5  # a wall clock that is so much off what it was against the monotonic one was set
EPOCH: Final = b"epoch"  # a field of the hash; another value, or none: Redis has lost what it knew

# Takes or prolongs the claim: 1 when it is ours now.
CLAIM: Final = """
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""


class SharedHealth:
    """Keeps one worker's `Health` in step with the others'. Keys: `<prefix>:health` and `<prefix>:probe:<breaker>`."""

    def __init__(
        self,
        health: Health,
        url: str,
        prefix: str,
        clock: Callable[[], float] = monotonic,
        wall: Callable[[], float] = time,
    ) -> None:
        self._health, self._url, self._clock, self._wall = health, url, clock, wall
        self._hash, self._probe = f"{prefix}:health", f"{prefix}:probe:"
        self._me = uuid4().hex
        self._epoch: bytes | None = None
        self._ahead_s = wall() - clock()
        self._known: dict[str, tuple[Stamp, bytes]] = {}  # what is told, as last seen here and there
        self._changed = asyncio.Event()
        self._quiet_until = 0.0
        self._redis: Redis | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Learn what the others know, where Redis answers, then keep in step on the running loop."""
        heard = self._health.on_change

        def changed() -> None:
            heard()
            self._changed.set()

        self._health.on_change = changed
        await self._in_step()  # before anything is served: what the others know to be broken need not fail here too
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._redis is not None:
            await self._redis.aclose()

    async def exchange(self) -> None:
        """Tell, take over, take back, claim: one round trip. Raises what Redis does."""
        now = self._clock()
        ahead_s = self._wall() - now
        here = stamps(self._health)
        if abs(ahead_s - self._ahead_s) > SET_S:  # what was told stands there by another clock: once more, by this one
            self._known = {name: ((nan, ""), value) for name, (_, value) in self._known.items()}
        self._ahead_s = ahead_s
        new = {name: told(self._health, name, ahead_s) for name, stamp in here.items() if self._stamp(name) != stamp}
        gone = [name for name in self._known if name not in here]
        claims = [key for key in self._health.ejected if self._wants(key, now)]
        there, owned = await self._round(new, gone, claims)
        self._known.update({name: (here[name], value) for name, value in new.items()})
        for name in gone:
            del self._known[name]
        self._take_over(there, here, ahead_s)
        self._take_claims(claims, owned)

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), EVERY_S)
                await asyncio.sleep(TOGETHER_S)
            self._changed.clear()
            await self._in_step()

    async def _in_step(self) -> None:
        try:
            await self.exchange()
            self._health.probes_freely = False
        except (RedisError, OSError, TimeoutError) as exc:
            self._act_alone(exc)

    async def _round(
        self, new: dict[str, bytes], gone: list[str], claims: list[Key]
    ) -> tuple[dict[bytes, bytes], list[int]]:
        async with self._client().pipeline(transaction=False) as pipeline:
            pipeline.hsetnx(self._hash, EPOCH.decode(), uuid4().hex)
            if new:
                pipeline.hset(self._hash, mapping=new)  # type: ignore[arg-type]
                pipeline.expire(self._hash, KEPT_S)
            if gone:
                pipeline.hdel(self._hash, *gone)
            pipeline.hgetall(self._hash)
            for key in claims:
                self._claim(pipeline, key)
            answers: list[Any] = await pipeline.execute()
        return answers[-1 - len(claims)], answers[len(answers) - len(claims) :]

    def _claim(self, pipeline: Pipeline, key: Key) -> None:
        pipeline.eval(CLAIM, 1, f"{self._probe}{key[0]}:{key[1]}", self._me, str(int(CLAIM_S * 1000)))

    def _take_over(self, there: dict[bytes, bytes], here: dict[str, Stamp], ahead_s: float) -> None:
        """Bring the worker in step with `there`. What has changed here since `here` was taken is told the next time."""
        now, changed, still = self._clock(), False, stamps(self._health)
        epoch = there.pop(EPOCH, None)
        if epoch != self._epoch:
            self._epoch, self._known = epoch, {}  # Redis is new, or new to us: nobody has taken anything back
        entries = {name.decode(): value for name, value in there.items()}
        for name, value in entries.items():
            if still.get(name) == here.get(name) and self._value(name) != value:
                changed |= self._follow(name, value, now, ahead_s)
        for name in [name for name in self._known if name not in entries and still.get(name) == here.get(name)]:
            del self._known[name]
            taken_back(self._health, name, now)
            changed = True
        if changed:
            self._health.on_change()

    def _follow(self, name: str, value: bytes, now: float, ahead_s: float) -> bool:
        try:
            stamp = taken_over(self._health, name, value, now, ahead_s)
        except ValueError:
            return False  # told by another version of the software, while one replaces the other: it is left alone
        if stamp is None:  # differs from what is here: to be told, or deleted, in a moment
            self._changed.set()
        self._known[name] = (stamp or (0.0, "over"), value)
        return stamp is not None

    def _wants(self, key: Key, now: float) -> bool:
        """Whether to claim the probe of a breaker now, or prolong the claim."""
        breaker = self._health.ejected[key]
        if breaker.until is None or breaker.until > now + LEAD_S:
            return False
        if breaker.probe_until > now:
            return True
        return breaker.claimed_until + PAUSE_S <= now or breaker.claimed_until > now + CLAIM_S

    def _take_claims(self, claims: list[Key], owned: list[int]) -> None:
        until = self._clock() + CLAIM_S - MARGIN_S
        for key, mine in zip(claims, owned, strict=True):
            if (breaker := self._health.ejected.get(key)) is not None:
                breaker.claimed_until = until if mine else 0.0

    def _act_alone(self, exc: Exception) -> None:
        self._health.probes_freely = True
        for breaker in self._health.ejected.values():
            breaker.claimed_until = inf
        now = self._clock()
        if now >= self._quiet_until:
            self._quiet_until = now + LOG_EVERY_S
            logger.warning("health: Redis cannot be reached, each worker learns by itself: %s", exc)

    def _client(self) -> Redis:
        if self._redis is None:
            self._redis = Redis.from_url(
                self._url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S, retry=Retry(NoBackoff(), 0)
            )
        return self._redis

    def _stamp(self, name: str) -> Stamp | None:
        return self._known[name][0] if name in self._known else None

    def _value(self, name: str) -> bytes | None:
        return self._known[name][1] if name in self._known else None


def new_shared_health(health: Health) -> SharedHealth | None:
    """As REDIS_URL says; one per process. None: this worker is the only one."""
    return SharedHealth(health, settings.REDIS_URL, settings.REDIS_PREFIX) if settings.REDIS_URL else None
