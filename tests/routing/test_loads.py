"""What ran at the candidates, and what was in memory, at the moment of a decision."""

import asyncio
import json
from contextlib import aclosing

import msgspec

from providers.sandbox.testing import fault
from providers.targets import Timeouts
from routing.api.requests import told as of_callers
from routing.decisions import of_ones_own
from routing.evidence import Residency
from usage import spool
from usage.outcomes import Load, Outcome

from .engines import ask, engine_of
from .factories import CALLER, Desk, asked, target

PATIENT = Timeouts(connect_s=5, first_byte_s=30, whole_s=30, first_token_s=30, stall_s=30, total_s=60)


async def test_a_record_tells_who_ran_and_who_waited_when_it_was_decided(sandbox):
    engine = engine_of(sandbox, timeouts=PATIENT)
    plan = engine.planner.plan(asked(), CALLER)
    sandbox.script(fault("hang"))
    waits = asyncio.create_task(ask(engine, True))
    async with asyncio.timeout(20):
        while engine.loads.at(plan) != {"a/demo": Load(1, 1)}:
            await asyncio.sleep(0.01)
    sandbox.script("one two three")
    async with aclosing(engine.stream(asked(stream=True), CALLER)) as speaks:
        await anext(speaks)
        assert engine.loads.at(plan) == {"a/demo": Load(running=2, waiting=1)}
        record = await ask(engine, False)
    assert record.busy == {"a/demo": Load(2, 1)}
    waits.cancel()
    await asyncio.gather(waits, return_exceptions=True)
    assert (await ask(engine, False)).busy == {}, "known, and nobody"


def test_it_becomes_a_part_of_the_decision_which_callers_do_not_read():
    journalled = outcome(
        busy={"a/x": Load(3, 2)}, decision=msgspec.Raw(b'{"policy":"p","excluded":[],"more_excluded":0}')
    )
    told = spool.decode(msgspec.json.encode(journalled))
    assert json.loads(bytes(told.decision)) == SHARED | {"busy": {"a/x": {"running": 3, "waiting": 2}}}
    assert json.loads(bytes(of_ones_own(told.decision))) == SHARED and told.busy is None
    assert "busy" not in msgspec.json.encode(of_callers(told)).decode()
    without = spool.decode(msgspec.json.encode(outcome(busy={})))
    assert without.decision is None and of_ones_own(without.decision) is None


SHARED = {"policy": "p", "excluded": [], "more_excluded": 0}


def outcome(**facts: object) -> Outcome:
    return Outcome("0" * 32, 1, 1, "team", 1, "nr-abc", **facts)


def test_what_a_local_server_had_in_memory_is_recorded_with_its_age_or_unknown():
    there, gone, hosted = target("box/a", 1, usd=(1, 1)), target("box/b", 2, usd=(1, 1)), target("far/c", 3, usd=(1, 1))
    desk = Desk(there, gone, hosted)
    desk.evidence.residency = Residency(frozenset({1}), {"box": desk.now - 40})
    decision = json.loads(bytes(desk.planner.plan(asked(), CALLER).decision))
    told = {one["deployment"]: (one["loaded"], one["loaded_age_s"]) for one in decision["candidates"]}
    assert told == {"box/a": (True, 40.0), "box/b": (False, 40.0), "far/c": (None, None)}
