"""Limits between processes: real Redis, real processes; skipped, and said so, where the services are not."""

import asyncio
import json
import logging
import subprocess
import sys
import uuid

import pytest
import redis
from django.conf import settings

from tenants.callers import Caller, Limits
from tenants.errors import LimitsUnavailable, RateLimitExceeded
from tenants.leases import LARGEST_SLICE, LeasedWindows
from tenants.limits import DAY_S, RateLimiter

NOBODY = "redis://127.0.0.1:1/0"
MIDNIGHT = 1_800_000_000 // DAY_S * DAY_S
NOON = MIDNIGHT + DAY_S // 2
CASES = [(7, None), (50, 30), (1000, None), (None, 2500)]  # requests per minute, per day
WORKER = """
import asyncio, sys
from tests.tenants.test_leases import admitted_in_every_case
print(asyncio.run(admitted_in_every_case(*sys.argv[1:])))
"""


def caller(per_minute=None, per_day=None, tenant_id=1):
    limits = Limits(requests_per_minute=per_minute, requests_per_day=per_day)
    return Caller(tenant_id=tenant_id, tenant="team-a", key_id=1, key_name="ci", key_prefix="nr-x", limits=limits)


def limiter_at(url, prefix, **options):
    return RateLimiter(LeasedWindows(url, prefix=prefix, **options))


async def admitted(limiter, who, tries, now=NOON, at_once=20):
    """How many of `tries` requests, some at once, were admitted."""
    gate = asyncio.Semaphore(at_once)

    async def one():
        async with gate:
            try:
                await limiter.admit(who, now)
            except RateLimitExceeded:
                return 0
            return 1

    return sum(await asyncio.gather(*(one() for _ in range(tries))))


async def admitted_in_every_case(url, prefix):
    """What one worker does: in each case it asks until it is refused, and beyond."""
    limiter, counts = limiter_at(url, prefix), []
    for tenant_id, (per_minute, per_day) in enumerate(CASES):
        tries = min(number for number in (per_minute, per_day) if number is not None) + 20
        counts.append(await admitted(limiter, caller(per_minute, per_day, tenant_id), tries))
    await limiter.close()
    return json.dumps(counts)


@pytest.fixture
def url(services):
    return services.redis_url


@pytest.fixture
def prefix(services):
    """A prefix of this test's own; the session's keys are swept at its end."""
    return f"{services.redis_prefix}:{uuid.uuid4().hex}:"


@pytest.fixture
async def limiter(url, prefix):
    limiter = limiter_at(url, prefix)
    yield limiter
    await limiter.close()


def test_no_number_of_processes_admits_more_than_the_limit(url, prefix):
    """Together they spend the whole limit, and not one request more."""
    command = [sys.executable, "-c", WORKER, url, prefix]
    running = [subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE) for _ in range(4)]
    counts = [json.loads(process.communicate(timeout=60)[0]) for process in running]
    assert [sum(of_case) for of_case in zip(*counts, strict=True)] == [7, 30, 1000, 2500]


async def test_workers_share_a_small_limit_request_by_request(url, prefix, limiter):
    other = limiter_at(url, prefix)
    who = caller(per_minute=3)
    states = [await each.admit(who, NOON) for each in (limiter, other, limiter)]
    assert [state.remaining for state in states] == [2, 1, 0]
    for each in (limiter, other):
        with pytest.raises(RateLimitExceeded) as caught:
            await each.admit(who, NOON + 48.2)
        assert caught.value.retry_after_s == 12
    await other.close()


async def test_a_refused_request_takes_nothing_from_either_window(limiter):
    who = caller(per_minute=2, per_day=3)
    assert await admitted(limiter, who, 50) == 2
    assert await admitted(limiter, who, 50, now=NOON + 60) == 1


async def test_what_an_idle_worker_holds_is_one_slice(url, prefix, limiter):
    """A worker that leases and leaves loses at most its slice for the others."""
    who, limit = caller(per_minute=600), 600
    await limiter.admit(who, NOON)
    other = limiter_at(url, prefix)
    count = await admitted(other, who, limit)
    await other.close()
    assert limit - 1 - limit // 100 <= count <= limit - 1


async def test_a_large_limit_costs_few_round_trips(url, prefix, limiter):
    who = caller(per_minute=1_000_000)
    assert await admitted(limiter, who, 1000) == 1000
    client = redis.Redis.from_url(url)
    (key,) = client.scan_iter(f"{prefix}*")
    assert int(client.get(key)) == 1000 == 10 * LARGEST_SLICE
    assert 60 < client.ttl(key) <= 120
    client.close()


async def test_a_changed_limit_counts_at_once(limiter):
    assert await admitted(limiter, caller(per_minute=5), 4) == 4
    assert await admitted(limiter, caller(per_minute=3), 4) == 0
    assert await admitted(limiter, caller(per_minute=6), 4) == 2


async def test_a_restart_does_not_forget_the_day(limiter):
    who = caller(per_day=5)
    await limiter.seed(who.tenant_id, MIDNIGHT, 3)
    await limiter.seed(who.tenant_id, MIDNIGHT, 1)
    assert await admitted(limiter, who, 9) == 2


def test_each_event_loop_has_a_client_of_its_own(url, prefix):
    shared = limiter_at(url, prefix)

    async def once():
        count = await admitted(shared, caller(per_minute=4), 3)
        await shared.close()
        return count

    assert [asyncio.run(once()), asyncio.run(once())] == [3, 1]


async def test_without_redis_each_worker_counts_by_itself_and_says_so_once(caplog):
    limiter = limiter_at(NOBODY, "none:")
    with caplog.at_level(logging.WARNING):
        assert await admitted(limiter, caller(per_minute=5), 9) == 5
    assert [record.name for record in caplog.records] == ["tenants.leases"]
    await limiter.close()


async def test_without_redis_the_operator_may_choose_to_refuse():
    limiter = limiter_at(NOBODY, "none:", fail_open=False)
    with pytest.raises(LimitsUnavailable) as caught:
        await limiter.admit(caller(per_minute=5), NOON)
    assert (caught.value.status, caught.value.retry_after_s) == (503, 1)
    assert await limiter.admit(caller(), NOON) is None
    await limiter.close()
