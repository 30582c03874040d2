"""How many requests run at once: in one process, and in several through Redis; a killed worker's places come free."""

import asyncio
import subprocess
import sys
import uuid
from contextlib import suppress

import pytest
from django.conf import settings

from tenants import leasedslots
from tenants.admission import RateLimiter
from tenants.errors import LimitsUnavailable, RateLimitExceeded, TooManyAtOnce
from tenants.leasedslots import LeasedSlots
from tenants.limits import LocalWindows
from tenants.slots import LocalSlots
from tests.clocks import WallClock, why_not
from tests.ownredis import own_redis, patient_link
from tests.tenants.callers import NOON, admit, caller

NOBODY = "redis://127.0.0.1:1/0"
WORKER = """
import asyncio, sys
from tests.tenants.test_slots import hold
asyncio.run(hold(*sys.argv[1:]))
"""


def limiter_at(url, prefix, **options):
    return RateLimiter(LocalWindows(), LeasedSlots(patient_link(url), prefix=prefix, **options))


async def hold(url, prefix):
    """Take every place, say so, and never give one back."""
    limiter = limiter_at(url, prefix)
    for _ in range(3):
        await admit(limiter, caller(concurrent_requests=3))
    print("held", flush=True)
    await asyncio.sleep(60)


@pytest.fixture(params=["in the process", "in Redis"])
async def limiter(request):
    if request.param == "in the process":
        yield RateLimiter(LocalWindows(), LocalSlots())
        return
    services = request.getfixturevalue("services")
    limiter = limiter_at(services.redis_url, f"{services.redis_prefix}:{uuid.uuid4().hex}:")
    yield limiter
    await limiter.close()


async def at_most(limiter, who, tries=20):
    """How many of `tries` are let in while none of them ends; they end together."""
    taken = await asyncio.gather(*(admit(limiter, who) for _ in range(tries)), return_exceptions=True)
    admitted = [each for each in taken if not isinstance(each, BaseException)]
    assert all(isinstance(each, TooManyAtOnce) for each in taken if each not in admitted)
    for admission in admitted:
        with admission:
            pass
    return len(admitted)


async def settles(limiter, who, expected):
    """Whether soon so much is left: places are given back in the background."""
    for _ in range(100):
        if [left for _, left in await limiter.left(who, NOON)] == expected:
            return True
        await asyncio.sleep(0.05)
    return False


async def test_no_more_than_the_limit_run_at_once(limiter):
    assert await at_most(limiter, caller(concurrent_requests=5)) == 5
    assert await at_most(limiter, caller(concurrent_requests=5)) == 5
    assert await at_most(limiter, caller(concurrent_requests=0)) == 0


async def test_a_key_has_its_own_limit_within_its_tenants(limiter):
    ci = caller(key_id=1, concurrent_requests=3, key={"concurrent_requests": 2})
    cron = caller(key_id=2, concurrent_requests=3)
    held = [await admit(limiter, ci), await admit(limiter, ci)]
    with pytest.raises(TooManyAtOnce, match="key ci of team-a has 2 requests running") as caught:
        await admit(limiter, ci)
    assert (caught.value.status, caught.value.retry_after_s) == (429, 1)
    assert await at_most(limiter, cron) == 1
    assert await settles(limiter, ci, [1, 0])
    for admission in held:
        with suppress(ValueError), admission:
            raise ValueError  # however it ends
    assert await settles(limiter, ci, [3, 2])
    assert await at_most(limiter, ci) == 2


async def test_a_request_that_another_limit_refuses_holds_no_place(limiter):
    who = caller(concurrent_requests=2, requests_per_minute=1)
    with await admit(limiter, who):
        for _ in range(3):
            with pytest.raises(RateLimitExceeded, match="per minute"):
                await admit(limiter, who)
    assert await settles(limiter, who, [0, 2])


async def test_a_killed_workers_places_come_free(services, monkeypatch):
    prefix = f"{services.redis_prefix}:{uuid.uuid4().hex}:"
    command = [sys.executable, "-c", WORKER, services.redis_url, prefix]
    limiter, who = limiter_at(services.redis_url, prefix), caller(concurrent_requests=3)
    with subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE) as worker:
        assert worker.stdout and worker.stdout.readline() == b"held\n"
        assert await at_most(limiter, who) == 0
        worker.kill()
    for _ in range(60):
        if await at_most(limiter, who):
            break
        await asyncio.sleep(0.5)
    assert await at_most(limiter, who) == 3
    await limiter.close()


async def test_a_clock_of_redis_that_is_set_back_keeps_no_place(tmp_path, monkeypatch):
    """A killed worker's places were believed until an hour from now; what lives keeps its own."""
    if reason := why_not():
        pytest.skip(reason)
    monkeypatch.setattr(leasedslots, "BELIEVED_MS", 1000)
    monkeypatch.setattr(leasedslots, "RENEWED_S", 0.1)
    clock, who = WallClock(tmp_path, 3600), caller(concurrent_requests=3)
    with own_redis(clock.environment) as server:
        server.start()
        killed, living = limiter_at(server.url, "own:"), limiter_at(server.url, "own:")
        for _ in range(2):
            await admit(killed, who)
        killed._slots._session().teller.cancel()  # nothing more is heard of it
        with await admit(living, who):
            clock.step(-3600)
            assert await at_most(living, who) == 0, "all are believed anew"
            await asyncio.sleep(2)
            assert await at_most(living, who) == 2
        await living.close()
        await killed._slots._link.close()
    clock.close()


async def test_what_runs_for_long_is_renewed(services, monkeypatch):
    monkeypatch.setattr(leasedslots, "BELIEVED_MS", 1500)
    monkeypatch.setattr(leasedslots, "RENEWED_S", 0.1)
    limiter = limiter_at(services.redis_url, f"{services.redis_prefix}:{uuid.uuid4().hex}:")
    who = caller(concurrent_requests=1)
    with await admit(limiter, who):
        await asyncio.sleep(2)
        assert await at_most(limiter, who) == 0
    assert await at_most(limiter, who) == 1
    await limiter.close()


async def test_without_redis_each_worker_counts_by_itself_or_refuses():
    limiter = limiter_at(NOBODY, "none:")
    assert await at_most(limiter, caller(concurrent_requests=4)) == 4
    await limiter.close()
    strict = limiter_at(NOBODY, "none:", fail_open=False)
    with pytest.raises(LimitsUnavailable):
        await admit(strict, caller(concurrent_requests=4))
    assert (await admit(strict, caller())).states == ()
    await strict.close()
