"""How long is an upstream waited for? On asyncio's own event loop and on uvloop's, which the workers run on."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from providers.errors import UpstreamTimeout
from providers.http.patience import Patience
from providers.loopwatch import GRACE_S, STALL_S, LoopWatch

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=LOOPS, ids=["asyncio", "uvloop"])
def run(request) -> Run:
    def run_there(work: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(work)

    return run_there


def test_a_wait_ends_at_its_deadline_and_the_next_one_has_its_own(run):
    async def waits() -> None:
        patience, loop = Patience(), asyncio.get_running_loop()
        with patience.until(loop.time() + 30, "in time"):
            await asyncio.sleep(0.01)
        with pytest.raises(UpstreamTimeout, match="late"), patience.until(loop.time() + 0.05, "late"):
            await asyncio.sleep(30)
        with patience.until(loop.time() + 30, "in time again"):
            await asyncio.sleep(0.01)
        patience.end()

    run(waits())


def test_a_deadline_that_is_past_spoils_no_read_that_needs_no_wait(run):
    async def reads() -> None:
        patience, loop = Patience(), asyncio.get_running_loop()
        for _ in range(3):  # three reads of what lies there already, one right after the other
            with patience.until(loop.time() - 1, "late"):
                pass
        with pytest.raises(UpstreamTimeout, match="late"), patience.until(loop.time() - 1, "late"):
            await asyncio.sleep(30)

    run(reads())


@pytest.mark.parametrize("comes", [True, False])
def test_a_deadline_that_passed_while_our_own_loop_stood_still_holds_later_by_that(run, comes):
    async def waits() -> float:
        watch, loop = LoopWatch(), asyncio.get_running_loop()
        watch.start()
        await asyncio.sleep(0)
        patience, answer = Patience(), loop.create_future()
        loop.call_later(0.05, time.sleep, 3 * STALL_S)
        if comes:
            loop.call_later(4 * STALL_S, answer.set_result, None)
        try:
            with patience.until(loop.time() + STALL_S, "late"):
                await answer
        except UpstreamTimeout:
            assert not comes
        else:
            assert comes
        patience.end()
        watch.stop()
        return patience.lost_s

    assert run(waits()) > GRACE_S + STALL_S


def test_who_is_not_watched_has_lost_nothing(run):
    async def stalls() -> float:
        patience = Patience()
        time.sleep(1.5 * STALL_S)
        await asyncio.sleep(0.01)
        return patience.lost_s

    assert run(stalls()) == 0.0
