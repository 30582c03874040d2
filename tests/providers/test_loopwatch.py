"""A stall of the event loop is noticed, by its own timers too, and forgotten a moment later."""

import asyncio
import time

from providers.loopwatch import GRACE_S, STALL_S, TICK_S, LoopWatch


async def test_a_stall_is_noticed_at_once_and_blamed_for_a_while():
    lags = []
    watch = LoopWatch(lags.append)
    watch.start()
    await asyncio.sleep(2.5 * TICK_S)
    time.sleep(STALL_S + 2 * TICK_S)
    assert watch.stalled(time.monotonic()), "a timer that runs before the watch's own must know already"
    while max(lags, default=0) < STALL_S:
        await asyncio.sleep(TICK_S)
    assert watch.stalled(time.monotonic())
    async with asyncio.timeout(20 * GRACE_S):
        while watch.stalled(time.monotonic()):
            await asyncio.sleep(TICK_S)
    watch.stop()


async def test_a_loop_that_runs_is_not_blamed():
    now = 100.0
    watch = LoopWatch(clock=lambda: now)
    watch.start()
    assert not watch.stalled(now + TICK_S) and not watch.stalled(now + TICK_S + STALL_S)
    assert watch.stalled(now + TICK_S + STALL_S + 0.01)
    watch.stop()
    assert not watch.stalled(now + 1000), "who does not watch blames nobody"
