"""What a worker's register says of its requests, from their beginning to an operator's wish to end one."""

import asyncio

import pytest

from providers.sandbox.testing import fault
from routing.errors import CancelledByOperator
from routing.inflight.asking import STEP_S, STEPS, _curves
from routing.inflight.telling import Question, Told, told

from .engines import ask, engine_of
from .factories import CALLER


async def rows_of(engine, task):
    """The states and deployments that are told of the request until it is over, each once in a row."""
    seen = []
    while not task.done():
        rows = [(row.state, row.deployment) for row in told(Question(), engine.running).rows]
        seen += [row for row in rows if seen[-1:] != [row]]
        await asyncio.sleep(0.01)
    return seen


async def test_it_tells_who_is_waited_for_and_that_another_was_asked_instead(sandbox):
    sandbox.script(fault("hang"), fault("hang"))
    engine = engine_of(sandbox, "a/demo", "b/demo")
    task = asyncio.create_task(ask(engine, True))
    seen = await rows_of(engine, task)
    assert seen[:2] == [("waiting", "a/demo"), ("failing over", "b/demo")]
    await asyncio.gather(task, return_exceptions=True)
    assert told(Question(), engine.running) == Told([], 0)


async def test_it_tells_that_the_same_is_to_be_asked_once_more(sandbox):
    sandbox.script(fault("503", retry_after=0.5), "Hello")
    engine = engine_of(sandbox)
    task = asyncio.create_task(ask(engine, True))
    assert ("retrying", "a/demo") in await rows_of(engine, task)
    await task


@pytest.mark.parametrize("stream", [False, True])
async def test_who_is_cancelled_while_it_waits_is_told_so_and_recorded_once(sandbox, stream):
    sandbox.script(fault("503", retry_after=1), "Hello")
    engine = engine_of(sandbox)
    task = asyncio.create_task(ask(engine, stream))
    while not (found := engine.running.stories()) or found[0].outcome.attempts == []:
        await asyncio.sleep(0.01)
    wish = Question(only=found[0].outcome.id, cancel=True)
    assert told(wish, engine.running).total == told(wish, engine.running).total == 1  # twice asked, once done
    with pytest.raises(CancelledByOperator):
        await task
    assert task.cancelling() == 0
    (record,) = engine.journal
    assert (record.status, record.error_code, record.http_status) == ("cancelled", "cancelled_by_operator", 503)
    assert told(wish, engine.running).rows == []


async def test_other_tenants_requests_are_neither_told_nor_counted_nor_ended(sandbox):
    sandbox.script(fault("hang"))
    engine = engine_of(sandbox)
    task = asyncio.create_task(ask(engine, True))
    while not (found := engine.running.stories()):
        await asyncio.sleep(0.01)
    engine.running.sample(1000.0)
    stranger = [CALLER.tenant_id + 1]
    one = told(Question(tenants=stranger, only=found[0].outcome.id, cancel=True), engine.running)
    assert one.rows == [] and not task.done() and found[0].cancelled is None
    theirs, ours = (told(Question(tenants=seen), engine.running) for seen in (stranger, [CALLER.tenant_id]))
    assert (theirs.total, theirs.begun, theirs.running) == (0, {499: 0}, {499: 0})
    assert (ours.total, ours.begun, ours.running) == (1, {499: 1}, {499: 1})
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert engine.journal[0].error_code is None  # it was the client that left


def test_curves_add_workers_up_and_leave_a_gap_where_nobody_was_there():
    last = 1000 // STEP_S * 2 - 1  # the number of the last whole sample
    six = range(last - 5, last + 1)
    old = Told([], 0, dict.fromkeys(six, 1), dict.fromkeys(six, 3), last - 5)
    new = Told([], 0, {last - 1: 2, last: 4}, {last - 1: 5, last: 7}, last - 1)
    begun, running = _curves((old, new), 1000 + STEP_S / 2)
    assert len(begun) == len(running) == STEPS
    assert begun[-4:] == (None, 2, 2, 8) and running[-4:] == (None, 3, 3, 10)
    assert _curves((), 1000.0)[0] == (None,) * STEPS
