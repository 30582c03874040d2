"""Limits between processes: real Redis, real processes; skipped, and said so, where no Redis answers."""

import asyncio
import json
import logging
import os
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

URL = settings.REDIS_URL or "redis://127.0.0.1:6379/0"
NOBODY = "redis://127.0.0.1:1/0"
MIDNIGHT = 1_800_000_000 // DAY_S * DAY_S
NOON = MIDNIGHT + DAY_S // 2
WORKER = """
import asyncio, json, sys
import django
django.setup()
from tests.tenants.test_leases import admitted, caller, limiter_at
async def main(url, prefix, per_minute, per_day, tries):
    limiter = limiter_at(url, prefix)
    count = await admitted(limiter, caller(per_minute, per_day), tries)
    await limiter.close()
    print(count)
asyncio.run(main(*json.loads(sys.argv[1])))
"""


def caller(per_minute=None, per_day=None):
    limits = Limits(requests_per_minute=per_minute, requests_per_day=per_day)
    return Caller(tenant_id=1, tenant="team-a", key_id=1, key_name="ci", key_prefix="nr-x", limits=limits)


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


@pytest.fixture
def prefix():
    """A prefix of this test's own, swept afterwards."""
    client, name = redis.Redis.from_url(URL, socket_connect_timeout=1), f"test:{uuid.uuid4().hex}:"
    try:
        client.ping()
    except redis.RedisError as exc:
        pytest.skip(f"no Redis at {URL}: {exc}")
    yield name
    for key in client.scan_iter(f"{name}*"):
        client.delete(key)
    client.close()


@pytest.fixture
async def limiter(prefix):
    limiter = limiter_at(URL, prefix)
    yield limiter
    await limiter.close()


def run_workers(count, *arguments):
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "neuroroute.settings", "PYTHONPATH": str(settings.BASE_DIR)}
    command = [sys.executable, "-c", WORKER, json.dumps(arguments)]
    running = [
        subprocess.Popen(command, env=environment, cwd=settings.BASE_DIR, stdout=subprocess.PIPE) for _ in range(count)
    ]
    outputs = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0] * count
    return [int(output) for output in outputs]


@pytest.mark.parametrize(("per_minute", "per_day"), [(7, None), (50, 30), (1000, None), (None, 2500)])
def test_no_number_of_processes_admits_more_than_the_limit(prefix, per_minute, per_day):
    """Each worker asks until it is refused: together they spend the whole limit, and not one request more."""
    limit = min(number for number in (per_minute, per_day) if number is not None)
    counts = run_workers(4, URL, prefix, per_minute, per_day, limit + 20)
    assert sum(counts) == limit


async def test_workers_share_a_small_limit_request_by_request(prefix, limiter):
    other = limiter_at(URL, prefix)
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


async def test_what_an_idle_worker_holds_is_one_slice(prefix, limiter):
    """A worker that leases and leaves loses at most its slice for the others."""
    who, limit = caller(per_minute=600), 600
    await limiter.admit(who, NOON)
    other = limiter_at(URL, prefix)
    count = await admitted(other, who, limit)
    await other.close()
    assert limit - 1 - limit // 100 <= count <= limit - 1


async def test_a_large_limit_costs_few_round_trips(prefix, limiter):
    who = caller(per_minute=1_000_000)
    assert await admitted(limiter, who, 1000) == 1000
    client = redis.Redis.from_url(URL)
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


def test_each_event_loop_has_a_client_of_its_own(prefix):
    shared = limiter_at(URL, prefix)

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
