"""Limits in one process: windows of UTC, exact, with a wait that is right, and a refusal that costs nothing."""

import pytest

from tenants.callers import Caller, Limits
from tenants.errors import RateLimitExceeded
from tenants.limits import DAY_S, LocalWindows, RateLimiter, WindowStore

MIDNIGHT = 1_800_000_000 // DAY_S * DAY_S
NOON = MIDNIGHT + DAY_S // 2


def caller(per_minute=None, per_day=None, tenant_id=1):
    limits = Limits(requests_per_minute=per_minute, requests_per_day=per_day)
    return Caller(tenant_id=tenant_id, tenant="team-a", key_id=1, key_name="ci", key_prefix="nr-x", limits=limits)


@pytest.fixture
def limiter():
    return RateLimiter(LocalWindows())


async def admitted(limiter, who, now, tries):
    count = 0
    for _ in range(tries):
        try:
            await limiter.admit(who, now)
            count += 1
        except RateLimitExceeded:
            pass
    return count


class Untouchable(WindowStore):
    async def take(self, tenant_id, windows):
        raise AssertionError("the store was asked for a tenant without limits")

    seed = take

    async def close(self):
        pass


async def test_without_a_limit_nothing_is_counted():
    assert await RateLimiter(Untouchable()).admit(caller(), NOON) is None


async def test_admits_the_limit_and_no_more(limiter):
    assert await admitted(limiter, caller(per_minute=5), NOON, 9) == 5


async def test_a_limit_of_zero_admits_nobody(limiter):
    assert await admitted(limiter, caller(per_minute=0), NOON, 3) == 0


async def test_the_window_begins_anew_on_the_minute(limiter):
    who = caller(per_minute=2)
    assert await admitted(limiter, who, NOON + 59.9, 3) == 2
    assert await admitted(limiter, who, NOON + 60, 3) == 2


async def test_tenants_do_not_share(limiter):
    assert await admitted(limiter, caller(per_minute=2, tenant_id=1), NOON, 3) == 2
    assert await admitted(limiter, caller(per_minute=2, tenant_id=2), NOON, 3) == 2


@pytest.mark.parametrize(("second", "wait_s"), [(0, 60), (0.5, 60), (48, 12), (48.01, 12), (59, 1), (59.99, 1)])
async def test_says_when_to_come_back(limiter, second, wait_s):
    who = caller(per_minute=1)
    await limiter.admit(who, NOON)
    with pytest.raises(RateLimitExceeded, match=rf"team-a .* 1 requests per minute; try again in {wait_s} s") as caught:
        await limiter.admit(who, NOON + second)
    assert caught.value.retry_after_s == wait_s
    await limiter.admit(who, NOON + second + wait_s)


async def test_the_window_that_stays_full_for_longest_says_when(limiter):
    who = caller(per_minute=1, per_day=1)
    await limiter.admit(who, NOON)
    with pytest.raises(RateLimitExceeded, match="per day") as caught:
        await limiter.admit(who, NOON)
    assert caught.value.retry_after_s == DAY_S // 2


async def test_a_refused_request_takes_nothing_from_either_window(limiter):
    who = caller(per_minute=2, per_day=3)
    assert await admitted(limiter, who, NOON, 50) == 2
    assert await admitted(limiter, who, NOON + 60, 50) == 1


async def test_the_state_is_that_of_the_tightest_window(limiter):
    who = caller(per_minute=10, per_day=3)
    state = await limiter.admit(who, NOON + 6.5)
    assert (state.limit, state.remaining, state.reset_s) == (3, 2, DAY_S // 2 - 6.5)
    other = caller(per_minute=2, per_day=100, tenant_id=2)
    state = await limiter.admit(other, NOON + 6.5)
    assert (state.limit, state.remaining, state.reset_s) == (2, 1, 53.5)


async def test_a_restart_does_not_forget_the_day(limiter):
    who = caller(per_day=5)
    await limiter.seed(who.tenant_id, MIDNIGHT, 3)
    assert await admitted(limiter, who, NOON, 9) == 2
    await limiter.seed(who.tenant_id, MIDNIGHT, 1)
    assert await admitted(limiter, who, NOON, 9) == 0
    assert await admitted(limiter, who, NOON + DAY_S, 9) == 5


async def test_a_changed_limit_counts_at_once(limiter):
    assert await admitted(limiter, caller(per_minute=5), NOON, 4) == 4
    assert await admitted(limiter, caller(per_minute=3), NOON, 4) == 0
    assert await admitted(limiter, caller(per_minute=6), NOON, 4) == 2
