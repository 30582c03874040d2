"""Whom the engine asks next: another credential, a larger context, a retry within its budget, until the deadline."""

import pytest

from providers.errors import Overloaded, UpstreamTimeout
from providers.sandbox.testing import fault, rate_limited
from providers.targets import Secret
from routing.errors import AllAttemptsFailed

from .engines import ask, engine_of

POOL = (Secret(1, "sk-first", "irst"), Secret(2, "sk-second", "cond"))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("refusal", [rate_limited(60), fault("429-quota"), fault("401")])
async def test_another_credential_of_the_same_deployment_is_tried_at_once(sandbox, stream, refusal):
    sandbox.script(refusal, "Hello")
    record = await ask(engine_of(sandbox, "a/demo", "b/demo", secrets=POOL), stream)
    first, second = record.attempts
    assert first.deployment == second.deployment and second.status == "answered"
    assert {first.credential, second.credential} == {"irst", "cond"}
    keys = [call.headers["authorization"] for call in sandbox.calls(chats=True)]
    assert sorted(keys) == ["Bearer sk-first", "Bearer sk-second"]


async def test_retries_stop_where_their_budget_ends(sandbox):
    engine, asks = engine_of(sandbox), 12
    sandbox.script(*[fault("503")] * asks * 3)
    for _ in range(asks):
        with pytest.raises(Overloaded) as refused:
            await ask(engine, False)
    assert refused.value.retry_after_s >= 1
    assert len(sandbox.calls(chats=True)) <= asks * 1.2 + 3


async def test_one_error_tells_of_every_attempt_by_its_id(sandbox):
    sandbox.script(*[fault("500")] * 9)
    engine = engine_of(sandbox, "a/demo", "b/demo", retries=0)
    with pytest.raises(AllAttemptsFailed, match=r"a/demo: Overloaded att_\w{32}; b/demo: Overloaded att_") as raised:
        await ask(engine, False)
    assert raised.value.retry_after_s >= 1


async def test_a_deadline_leaves_no_time_for_another_round(sandbox):
    sandbox.script(*[fault("503")] * 9)
    engine = engine_of(sandbox)
    with pytest.raises((Overloaded, UpstreamTimeout)):
        await ask(engine, False, neuroroute={"deadline_ms": 40})
    assert engine.journal[-1].total_ms < 1000 and len(sandbox.calls(chats=True)) <= 3


@pytest.mark.parametrize("stream", [False, True])
async def test_who_is_rate_limited_is_waited_for_when_all_others_have_failed(sandbox, stream):
    engine = await with_the_first_rate_limited(sandbox, 1)
    sandbox.script(fault("500"), "Hello")
    record = await ask(engine, stream)
    assert [(one.deployment, one.kind, one.status) for one in record.attempts] == [
        ("b/demo", "first", "failed"),
        ("a/demo", "failover", "answered"),
    ]
    assert record.attempts[1].started_ms >= 500


async def test_nobody_is_waited_for_longer_than_the_caller_can_wait(sandbox):
    engine = await with_the_first_rate_limited(sandbox, 1)
    sandbox.script(fault("500"), "Hello")
    with pytest.raises(Overloaded):
        await ask(engine, False, neuroroute={"deadline_ms": 300})
    assert [one.deployment for one in engine.journal[-1].attempts] == ["b/demo"]


async def test_who_wants_no_backup_waits_for_none(sandbox):
    engine = await with_the_first_rate_limited(sandbox, 1)
    sandbox.script(fault("500"), "Hello")
    with pytest.raises(Overloaded):
        await ask(engine, False, provider={"allow_fallbacks": False})
    assert [one.deployment for one in engine.journal[-1].attempts] == ["b/demo"]


async def with_the_first_rate_limited(sandbox, seconds):
    """An engine of two deployments, `a/demo` and `b/demo`, of which the first has just been told to wait."""
    engine = engine_of(sandbox, "a/demo", "b/demo", retries=0)
    sandbox.script(rate_limited(seconds), "Hello")
    record = await ask(engine, False)
    assert [one.deployment for one in record.attempts] == ["a/demo", "b/demo"]
    return engine
