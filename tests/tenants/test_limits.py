"""Limits in one process: windows of UTC, exact, with a wait that is right, and a refusal that costs nothing."""

import asyncio
from contextlib import suppress

import pytest

from tenants.admission import RateLimiter
from tenants.errors import LargerThanLimit, RateLimitExceeded
from tenants.limits import DAY_S, MINUTE_S, LocalWindows, WindowStore, days_of
from tenants.slots import LocalSlots
from tests.tenants.callers import MIDNIGHT, NOON, Took, admit, admitted, caller


@pytest.fixture
def limiter():
    return RateLimiter(LocalWindows(), LocalSlots())


class Untouchable(WindowStore):
    async def take(self, windows, amounts):
        raise AssertionError("the store was asked for a caller without limits")

    seed = left = correct = take

    async def close(self):
        pass


async def seed(limiter, who, day, used):
    for window in days_of([who], day // MINUTE_S):
        await limiter.seed(window, used)


async def tokens_left(limiter, who, now=NOON):
    return [left for window, left in await limiter.left(who, now) if window.measure == "tokens"]


async def test_without_a_limit_nothing_is_counted():
    assert (await admit(RateLimiter(Untouchable(), LocalSlots()), caller())).states == ()


async def test_admits_the_limit_and_no_more(limiter):
    assert await admitted(limiter, caller(requests_per_minute=5), 9) == 5


async def test_a_limit_of_zero_admits_nobody(limiter):
    assert await admitted(limiter, caller(requests_per_minute=0), 3) == 0


async def test_the_window_begins_anew_on_the_minute(limiter):
    who = caller(requests_per_minute=2)
    assert await admitted(limiter, who, 3, NOON + 59.9) == 2
    assert await admitted(limiter, who, 3, NOON + 60) == 2


async def test_tenants_do_not_share(limiter):
    assert await admitted(limiter, caller(tenant_id=1, requests_per_minute=2), 3) == 2
    assert await admitted(limiter, caller(tenant_id=2, key_id=2, requests_per_minute=2), 3) == 2


async def test_keys_share_their_tenants_limit_and_have_their_own_within(limiter):
    ci = caller(key_id=1, requests_per_minute=5, key={"requests_per_minute": 2})
    cron = caller(key_id=2, requests_per_minute=5)
    assert await admitted(limiter, ci, 4) == 2
    with pytest.raises(RateLimitExceeded, match="key ci of team-a has reached its limit of 2 requests per minute"):
        await admit(limiter, ci)
    assert await admitted(limiter, cron, 9) == 3


@pytest.mark.parametrize(("second", "wait_s"), [(0, 60), (0.5, 60), (48, 12), (48.01, 12), (59, 1), (59.99, 1)])
async def test_says_when_to_come_back(limiter, second, wait_s):
    who = caller(requests_per_minute=1)
    await admit(limiter, who)
    with pytest.raises(RateLimitExceeded, match=rf"team-a .* 1 requests per minute; try again in {wait_s} s") as caught:
        await admit(limiter, who, NOON + second)
    assert caught.value.retry_after_s == wait_s
    await admit(limiter, who, NOON + second + wait_s)


async def test_the_window_that_stays_full_for_longest_says_when(limiter):
    who = caller(requests_per_minute=1, requests_per_day=1)
    await admit(limiter, who)
    with pytest.raises(RateLimitExceeded, match="per day") as caught:
        await admit(limiter, who)
    assert caught.value.retry_after_s == DAY_S // 2


async def test_a_refused_request_takes_nothing_from_any_window(limiter):
    who = caller(requests_per_minute=2, requests_per_day=3, tokens_per_minute=1000)
    assert await admitted(limiter, who, 50) == 2
    with pytest.raises(RateLimitExceeded):
        await admit(limiter, who, longest=400)
    assert await tokens_left(limiter, who) == [1000]
    assert await admitted(limiter, who, 50, NOON + 60) == 1


async def test_the_state_is_that_of_the_tightest_window_of_each_measure(limiter):
    who = caller(requests_per_minute=10, requests_per_day=3, tokens_per_minute=900, key={"tokens_per_minute": 500})
    requests, tokens = (await admit(limiter, who, NOON + 6.5, prompt=100, longest=200)).states
    assert (requests.limit, requests.remaining, requests.reset_s) == (3, 2, DAY_S // 2 - 6.5)
    assert (tokens.measure, tokens.limit, tokens.remaining, tokens.reset_s) == ("tokens", 500, 200, 53.5)


async def test_tokens_are_taken_for_the_worst_case_and_settled_at_the_end(limiter):
    who = caller(tokens_per_minute=1000)
    with await admit(limiter, who, prompt=100, longest=700) as admission:
        with pytest.raises(RateLimitExceeded, match=r"1000 tokens per minute \(this request may take 300\)"):
            await admit(limiter, who, longest=300)
        admission.note(Took(110, 40))
    assert await tokens_left(limiter, who) == [850]


async def test_what_is_over_counts_in_the_present_minute(limiter):
    who = caller(tokens_per_minute=1000)
    with await admit(limiter, who, prompt=100, longest=100) as admission:
        await admit(limiter, who, NOON + 60)
        admission.note(Took(150, 1250))
    assert await tokens_left(limiter, who, NOON + 60) == [0]
    with pytest.raises(RateLimitExceeded):
        await admit(limiter, who, NOON + 61, longest=1)
    await admit(limiter, who, NOON + 120, longest=1000)


async def test_a_failed_request_takes_no_tokens_and_one_of_unknown_size_keeps_its_hold(limiter):
    who = caller(tokens_per_minute=1000)
    with suppress(RateLimitExceeded), await admit(limiter, who, longest=300):
        raise RateLimitExceeded("an upstream's, say")
    assert await tokens_left(limiter, who) == [1000]
    with suppress(asyncio.CancelledError), await admit(limiter, who, longest=300):
        raise asyncio.CancelledError
    assert await tokens_left(limiter, who) == [700]
    with await admit(limiter, who, longest=300) as admission:
        admission.note(Took(None))
    assert await tokens_left(limiter, who) == [400]


async def test_a_request_larger_than_the_limit_need_not_come_again(limiter):
    who = caller(tokens_per_minute=1000, requests_per_minute=1)
    with pytest.raises(LargerThanLimit, match="may take 1001 tokens") as caught:
        await admit(limiter, who, prompt=1, longest=1000)
    assert caught.value.retry is False and caught.value.retry_after_s is None
    await admit(limiter, who, longest=1000)


async def test_a_restart_does_not_forget_the_day(limiter):
    who = caller(requests_per_day=5)
    await seed(limiter, who, MIDNIGHT, 3)
    assert await admitted(limiter, who, 9) == 2
    await seed(limiter, who, MIDNIGHT, 1)
    assert await admitted(limiter, who, 9) == 0
    assert await admitted(limiter, who, 9, NOON + DAY_S) == 5


async def test_a_changed_limit_counts_at_once(limiter):
    assert await admitted(limiter, caller(requests_per_minute=5), 4) == 4
    assert await admitted(limiter, caller(requests_per_minute=3), 4) == 0
    assert await admitted(limiter, caller(requests_per_minute=6), 4) == 2


async def test_a_clock_that_steps_back_opens_no_window_again(limiter):
    who = caller(requests_per_minute=3)
    assert await admitted(limiter, who, 9, NOON - 1) == 3
    assert await admitted(limiter, who, 9, NOON + 2) == 3
    assert await admitted(limiter, who, 9, NOON - 3) == 0
    with pytest.raises(RateLimitExceeded) as caught:
        await admit(limiter, who, NOON - 3)
    assert caught.value.retry_after_s == 63
    assert await admitted(limiter, who, 9, NOON + 60) == 3


async def test_a_clock_that_was_an_hour_ahead_finds_its_windows_again(limiter):
    """Across midnight too: the day that was left is as it was."""
    who = caller(requests_per_minute=2, requests_per_day=5)
    evening = MIDNIGHT + DAY_S - 600
    assert await admitted(limiter, who, 9, evening) == 2
    assert await admitted(limiter, who, 9, evening + 3600) == 2
    assert await admitted(limiter, who, 9, evening) == 0
    assert await admitted(limiter, who, 9, evening + 60) == 2
    assert await admitted(limiter, who, 9, evening + 120) == 1
    assert await admitted(limiter, who, 9, evening + 3660) == 2
