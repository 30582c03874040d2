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

from tenants.admission import RateLimiter
from tenants.errors import LimitsUnavailable, RateLimitExceeded
from tenants.leases import LARGEST_SLICE, SHARE, LeasedWindows
from tenants.limits import MINUTE_S, days_of
from tenants.slots import LocalSlots
from tests.ownredis import patient_link
from tests.tenants.callers import MIDNIGHT, NOON, Took, admit, caller

NOBODY = "redis://127.0.0.1:1/0"
CASES = [(7, None), (50, 30), (1000, None), (None, 2500)]  # requests per minute, per day
TOKENS, TAKES = 10_000, 300  # per minute; a request
WORKER = """
import asyncio, sys
from tests.tenants.test_leases import admitted_in_every_case
print(asyncio.run(admitted_in_every_case(*sys.argv[1:])))
"""


def limiter_at(url, prefix, **options):
    return RateLimiter(LeasedWindows(patient_link(url), prefix=prefix, **options), LocalSlots())


async def admitted(limiter, who, tries, now=NOON, at_once=20, takes=0):
    """How many of `tries` requests, some at once, were admitted."""
    gate = asyncio.Semaphore(at_once)

    async def one():
        async with gate:
            try:
                await admit(limiter, who, now, longest=takes)
            except RateLimitExceeded:
                return 0
            return 1

    return sum(await asyncio.gather(*(one() for _ in range(tries))))


async def admitted_in_every_case(url, prefix):
    """What one worker does: in each case it asks until it is refused, and beyond."""
    limiter, counts = limiter_at(url, prefix), []
    for tenant_id, (per_minute, per_day) in enumerate(CASES):
        tries = min(number for number in (per_minute, per_day) if number is not None) + 20
        who = caller(tenant_id, tenant_id, requests_per_minute=per_minute, requests_per_day=per_day)
        counts.append(await admitted(limiter, who, tries))
    of_tokens = caller(99, 99, tokens_per_minute=10**6, key={"tokens_per_minute": TOKENS})
    counts.append(await admitted(limiter, of_tokens, TOKENS // TAKES + 20, takes=TAKES))
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
    assert [sum(of_case) for of_case in zip(*counts, strict=True)] == [7, 30, 1000, 2500, TOKENS // TAKES]


async def test_workers_share_a_small_limit_request_by_request(url, prefix, limiter):
    other = limiter_at(url, prefix)
    who = caller(requests_per_minute=3)
    states = [(await admit(each, who)).states[0] for each in (limiter, other, limiter)]
    assert [state.remaining for state in states] == [2, 1, 0]
    for each in (limiter, other):
        with pytest.raises(RateLimitExceeded) as caught:
            await admit(each, who, NOON + 48.2)
        assert caught.value.retry_after_s == 12
    await other.close()


async def test_a_refused_request_takes_nothing_from_either_window(limiter):
    who = caller(requests_per_minute=2, requests_per_day=3)
    assert await admitted(limiter, who, 50) == 2
    assert await admitted(limiter, who, 50, now=NOON + 60) == 1


async def test_what_an_idle_worker_holds_is_one_slice(url, prefix, limiter):
    """A worker that leases and leaves loses at most its slice for the others."""
    who, limit = caller(requests_per_minute=600), 600
    await admit(limiter, who)
    other = limiter_at(url, prefix)
    count = await admitted(other, who, limit)
    await other.close()
    assert limit - 1 - limit // SHARE <= count <= limit - 1


async def test_a_large_limit_costs_few_round_trips(url, prefix, limiter):
    who = caller(requests_per_minute=1_000_000)
    assert await admitted(limiter, who, 1000) == 1000
    client = redis.Redis.from_url(url)
    (key,) = client.scan_iter(f"{prefix}*")
    assert int(client.get(key)) == 1000 == 10 * LARGEST_SLICE["requests"]
    assert 60 < client.ttl(key) <= 120
    client.close()


async def test_tokens_that_were_not_taken_come_back_for_every_worker(url, prefix, limiter):
    other = limiter_at(url, prefix)
    who = caller(tokens_per_minute=1000)
    with await admit(limiter, who, longest=900) as admission:
        assert await admitted(other, who, 1, takes=200) == 0
        admission.note(Took(50, 50))
    await limiter.close()  # which waits until Redis knows
    ((_, left),) = await other.left(who, NOON)
    assert 900 - 1000 // SHARE <= left <= 900  # a slice's size stays with the worker that had it
    assert await admitted(other, who, 5, takes=250) == 3
    await other.close()


async def test_tokens_beyond_the_hold_count_for_every_worker(url, prefix, limiter):
    other = limiter_at(url, prefix)
    who = caller(tokens_per_minute=1000)
    with await admit(limiter, who, longest=100) as admission:
        admission.note(Took(50, 850))
    await limiter.close()
    assert await admitted(other, who, 5, takes=50) == 2
    await other.close()


async def test_a_large_limit_of_tokens_is_spent_in_memory(url, prefix, limiter):
    """What comes back stays in the worker's slice, up to its size."""
    who = caller(tokens_per_minute=10_000_000)
    for _ in range(50):
        with await admit(limiter, who, longest=1000) as admission:
            admission.note(Took(100, 400))
    with redis.Redis.from_url(url) as client:
        (key,) = client.scan_iter(f"{prefix}*")
        assert int(client.get(key)) <= 2 * 10_000_000 // SHARE
    await limiter.close()


async def test_a_changed_limit_counts_at_once(limiter):
    assert await admitted(limiter, caller(requests_per_minute=5), 4) == 4
    assert await admitted(limiter, caller(requests_per_minute=3), 4) == 0
    assert await admitted(limiter, caller(requests_per_minute=6), 4) == 2


async def test_a_restart_does_not_forget_the_day(limiter):
    who = caller(requests_per_day=5)
    for used in (3, 1):
        for window in days_of([who], MIDNIGHT // MINUTE_S):
            await limiter.seed(window, used)
    assert await admitted(limiter, who, 9) == 2


def test_each_event_loop_has_a_client_of_its_own(url, prefix):
    shared = limiter_at(url, prefix)

    async def once():
        count = await admitted(shared, caller(requests_per_minute=4), 3)
        await shared.close()
        return count

    assert [asyncio.run(once()), asyncio.run(once())] == [3, 1]


async def test_without_redis_each_worker_counts_by_itself_and_says_so_once(caplog):
    limiter = limiter_at(NOBODY, "none:")
    with caplog.at_level(logging.WARNING):
        assert await admitted(limiter, caller(requests_per_minute=5), 9) == 5
    assert [record.name for record in caplog.records] == ["tenants.redislink"]
    await limiter.close()


async def test_a_worker_that_loses_redis_counts_on_from_what_it_heard(url, prefix, limiter):
    who, other = caller(requests_per_minute=10), limiter_at(url, prefix)
    assert await admitted(other, who, 7) == 7
    assert await admitted(limiter, who, 1) == 1
    limiter._store._link.note_away(OSError("killed"))
    assert await admitted(limiter, who, 9) == 2
    await other.close()


async def test_without_redis_the_operator_may_choose_to_refuse():
    limiter = limiter_at(NOBODY, "none:", fail_open=False)
    with pytest.raises(LimitsUnavailable) as caught:
        await admit(limiter, caller(requests_per_minute=5))
    assert (caught.value.status, caught.value.retry_after_s) == (503, 1)
    assert (await admit(limiter, caller())).states == ()
    await limiter.close()
