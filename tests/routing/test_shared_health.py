"""What one worker has learnt the others act upon: workers over a real Redis, with clocks of the test's own."""

import asyncio
import logging
import time
import uuid
from contextlib import asynccontextmanager
from random import Random

import pytest
import redis.asyncio

from providers.errors import CredentialRejected, Overloaded, QuotaExhausted, RateLimited, Unreachable
from providers.targets import Secret
from routing.resilience import Health
from routing.resilience.sharing import EVERY_S, SharedHealth

from .factories import target

KEYS = (Secret(1, "sk-one", "-one"), Secret(2, "sk-two", "-two"))
ONE = target("a/one", 1, provider_id=1, secrets=KEYS)
HOUR_S = 3600.0


class Worker:
    """One worker: its health, its clocks, and its way of telling. `ahead_s`: how wrong its wall clock is."""

    def __init__(self, url, prefix, ahead_s=0.0):
        self.now, self.told = 1000.0 + 500 * ahead_s, 0
        self.health = Health(self._changed, Random(7))
        self.began = self.now
        self.shared = SharedHealth(
            self.health, url, prefix, lambda: self.now, lambda: 1.8e9 + self.now - self.began + ahead_s
        )

    def _changed(self):
        self.told += 1

    async def exchange(self):
        self.health.probes_freely = False
        await self.shared.exchange()

    def fail(self, error, times=1, secret=KEYS[0]):
        for _ in range(times):
            self.health.failed(ONE, secret, error, self.now)

    def resting_s(self):
        rest = self.health.resting(ONE, self.now)
        return rest and rest[0]

    def may_ask(self):
        return self.health.asking(ONE, self.now) is None


@asynccontextmanager
async def workers(services, *aheads_s):
    prefix = f"{services.redis_prefix}:{uuid.uuid4().hex[:8]}"
    made = [Worker(services.redis_url, prefix, ahead_s) for ahead_s in aheads_s]
    try:
        yield made
    finally:
        for worker in made:
            await worker.shared.close()


async def in_step(*who, passing_s=0.0):
    """All exchange, one after the other, until they agree; then time passes."""
    for _ in range(3):
        for worker in who:
            await worker.exchange()
    for worker in who:
        worker.now += passing_s


async def test_a_breaker_that_opens_here_opens_there_for_as_long_and_closes_there_too(services):
    async with workers(services, 0.0, 0.3) as (one, two):
        one.fail(Overloaded(), 5)
        await in_step(one, two)
        assert two.resting_s() == pytest.approx(one.resting_s(), abs=0.5) and two.told
        one.health.succeeded(ONE, KEYS[0], one.now)
        await in_step(one, two)
        assert one.resting_s() is two.resting_s() is None and not two.health.uneasy


async def test_two_that_open_together_agree_on_the_longer_cooldown(services):
    async with workers(services, 0.0, 0.0) as (one, two):
        one.fail(Unreachable("refused"), 2)
        two.now += 1
        two.fail(Unreachable("refused"), 2)
        one.now += 1
        longer = max(one.resting_s(), two.resting_s())
        await in_step(one, two)
        assert one.resting_s() == pytest.approx(longer, abs=0.01) and two.resting_s() == pytest.approx(longer, abs=0.01)


async def test_a_worker_that_joins_learns_what_the_others_know(services):
    async with workers(services, 0.0, 0.0) as (one, two):
        one.fail(RateLimited(retry_after_s=30))
        one.fail(CredentialRejected(), secret=KEYS[1])
        await one.exchange()
        await two.exchange()
        assert two.health.barred(ONE, two.now)[1] == "rate limited"
        assert two.health.barred(ONE, two.now)[0] == pytest.approx(30, abs=0.01)
        assert two.health.barred(ONE, two.now + 31) is None and two.health.secret_for(ONE, two.now + 31) is KEYS[0]


@pytest.mark.parametrize("ahead_s", [HOUR_S, -HOUR_S])
async def test_a_clock_that_is_an_hour_wrong_leaves_nobody_alone_for_longer_than_the_rule(services, ahead_s):
    async with workers(services, ahead_s, 0.0) as (one, two):
        one.fail(RateLimited(retry_after_s=100))
        one.fail(RateLimited(retry_after_s=100), secret=KEYS[1])
        one.fail(Overloaded(), 5)
        await in_step(one, two)
        bar = two.health.barred(ONE, two.now)
        assert bar is None or bar[0] <= 300
        assert (two.resting_s() or 0) <= 72


async def test_the_longer_of_two_bars_holds(services):
    async with workers(services, 0.0, 0.0) as (one, two):
        for secret in KEYS:
            one.fail(RateLimited(retry_after_s=60), secret=secret)
            two.fail(RateLimited(retry_after_s=5), secret=secret)
        await in_step(one, two)
        assert one.health.barred(ONE, one.now)[0] == pytest.approx(60, abs=0.01)
        assert two.health.barred(ONE, two.now)[0] == pytest.approx(60, abs=0.01)


async def test_what_is_forgotten_here_is_forgotten_there(services):
    async with workers(services, 0.0, 0.0) as (one, two):
        one.fail(Overloaded(), 5)
        for secret in KEYS:
            two.fail(QuotaExhausted(), secret=secret)
        await in_step(one, two)
        assert one.health.barred(ONE, one.now) and two.resting_s()
        one.health.forget()
        await in_step(one, two)
        assert not one.health.uneasy and not two.health.uneasy


async def test_only_one_of_the_workers_sends_the_probe(services):
    async with workers(services, 0.0, 0.0, 0.0) as trio:
        trio[0].fail(Overloaded(), 5)
        await in_step(*trio, passing_s=1.5)
        assert not any(each.may_ask() for each in trio)
        await in_step(*trio, passing_s=1.0)
        asked = [each for each in trio if each.may_ask()]
        assert len(asked) == 1
        await in_step(*trio, passing_s=20.0)  # a probe that takes long keeps its claim
        assert not any(each.may_ask() for each in trio)
        await in_step(*trio)
        asked[0].health.succeeded(ONE, KEYS[0], asked[0].now)
        await in_step(*trio)
        assert all(each.may_ask() for each in trio)


async def test_who_has_claimed_a_probe_and_has_nothing_to_send_lets_another(services, monkeypatch):
    monkeypatch.setattr("routing.resilience.sharing.CLAIM_S", 0.6)
    monkeypatch.setattr("routing.resilience.sharing.MARGIN_S", 0.1)
    async with workers(services, 0.0, 0.0) as (idle, busy):
        idle.fail(Overloaded(), 5)
        await in_step(idle, busy, passing_s=2.5)
        await in_step(idle, busy)  # idle comes first, and claims
        assert not busy.may_ask()
        await asyncio.sleep(0.7)
        await busy.exchange()
        assert busy.may_ask()


async def test_a_redis_that_has_lost_everything_is_told_anew_and_nothing_is_taken_back(services):
    async with workers(services, 0.0, 0.0) as (one, two):
        one.fail(Overloaded(), 5)
        for secret in KEYS:
            one.fail(RateLimited(retry_after_s=30), secret=secret)
        await in_step(one, two)
        async with redis.asyncio.Redis.from_url(services.redis_url) as client:
            await client.delete(one.shared._hash)
        await in_step(two, one)
        for each in (one, two):
            assert each.resting_s() and each.health.barred(ONE, each.now)
        async with redis.asyncio.Redis.from_url(services.redis_url) as client:
            assert len(await client.hgetall(one.shared._hash)) == 4


async def test_nothing_is_told_twice_when_nothing_changes(services):
    async with workers(services, 0.0, 0.0) as (one, two):
        one.fail(Overloaded(), 5)
        await in_step(one, two)
        async with redis.asyncio.Redis.from_url(services.redis_url) as client:
            before = await client.hgetall(one.shared._hash)
            for _ in range(5):
                await in_step(one, two, passing_s=0.1)
            assert await client.hgetall(one.shared._hash) == before


@pytest.mark.parametrize("name", ["deployment:1", "bar:1:1", "deployment:x", "weather"])
async def test_what_another_version_tells_is_left_alone_and_harms_nobody(services, name):
    client = redis.asyncio.Redis.from_url(services.redis_url)
    async with client, workers(services, 0.0, 0.0) as (one, two):
        await client.hset(one.shared._hash, name, '{"until": "tomorrow"}')
        two.fail(Unreachable("refused"), 2)
        await in_step(one, two)
        assert one.resting_s(), "the rest is understood all the same"
        assert await client.hget(one.shared._hash, name) == b'{"until": "tomorrow"}'


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S])
async def test_a_worker_that_begins_after_the_clocks_were_set_rests_as_long_as_the_others(services, step_s):
    async with workers(services, 0.0, 0.0, step_s) as (one, two, late):
        one.fail(RateLimited(retry_after_s=100))
        await in_step(one, two, passing_s=10)
        for each in (one, two):
            each.began -= step_s  # its wall clock is set; its monotonic one goes on
        late.now, late.began = late.now + 10, late.began
        await in_step(one, two, late)
        assert 80 < late.health.credentials.bars[1, 1].until - late.now < 101
        assert (1, 1) in one.health.credentials.bars and (1, 1) in two.health.credentials.bars


async def test_while_redis_is_away_each_worker_acts_by_itself_and_says_so_once(caplog):
    health = Health()
    shared = SharedHealth(health, "redis://127.0.0.1:1/0", "nobody")
    with caplog.at_level(logging.WARNING):
        await shared.start()
        for _ in range(5):
            health.failed(ONE, KEYS[0], Overloaded(), time.monotonic())
        await asyncio.sleep(4 * EVERY_S)
        await shared.close()
    assert [record.message.split(",")[0] for record in caplog.records] == ["health: Redis cannot be reached"]
    assert health.probes_freely and health.asking(ONE, time.monotonic() + 10) is None


async def test_a_running_worker_tells_within_a_second(services):
    prefix = f"{services.redis_prefix}:{uuid.uuid4().hex[:8]}"
    one, two = Health(), Health()
    pair = [SharedHealth(health, services.redis_url, prefix) for health in (one, two)]
    for shared in pair:
        await shared.start()
    await asyncio.sleep(0.2)
    one.failed(ONE, KEYS[0], CredentialRejected(), time.monotonic())
    async with asyncio.timeout(5):
        while not two.uneasy:
            await asyncio.sleep(0.01)
    for shared in pair:
        await shared.close()


async def test_a_worker_that_begins_knows_what_the_others_know_before_it_serves(services):
    prefix = f"{services.redis_prefix}:{uuid.uuid4().hex[:8]}"
    one, two = Health(), Health()
    one.failed(ONE, KEYS[0], CredentialRejected(), time.monotonic())
    pair = [SharedHealth(health, services.redis_url, prefix) for health in (one, two)]
    for shared in pair:
        await shared.start()
    assert two.uneasy
    for shared in pair:
        await shared.close()
