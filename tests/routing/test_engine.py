"""What is recorded of a request, however it ends: status, attempts, our own share of the time."""

import asyncio

import msgspec
import pytest

from dashboard.said import said_in
from providers.adapters import adapters
from providers.adapters.openai_compatible import OpenAICompatible
from providers.errors import Overloaded
from providers.sandbox.testing import fault
from routing.answering.keeping import MOST_KEPT, Keeping
from usage.errors import JournalUnavailable

from .engines import ask, engine_of
from .factories import CALLER, asked


@pytest.mark.parametrize("stream", [False, True])
async def test_a_fault_of_ours_is_a_failed_attempt_and_not_a_client_that_left(sandbox, monkeypatch, stream):
    monkeypatch.setitem(adapters(), "broken", Broken())
    engine = engine_of(sandbox, wire="broken")
    with pytest.raises(ZeroDivisionError):
        await ask(engine, stream)
    (record,) = engine.journal
    assert (record.status, record.http_status, record.error) == ("failed", 500, "ZeroDivisionError")
    assert (record.attempts[0].status, record.attempts[0].error) == ("failed", "ZeroDivisionError")


class Broken(OpenAICompatible):
    """An adapter with a bug."""

    def answer(self, body, request, target):
        return 1 // 0

    def decoder(self, request, target):
        return 1 // 0


async def test_waiting_for_a_token_that_never_came_is_not_our_own_time(sandbox):
    sandbox.script(fault("hang_first_token"), "Hello")
    engine = engine_of(sandbox, "a/demo", "b/demo")
    await ask(engine, True)
    (record,) = engine.journal
    assert [a.status for a in record.attempts] == ["failed", "answered"]
    assert record.total_ms > 400 and record.overhead_ms < 100


@pytest.mark.parametrize("stream", [False, True])
async def test_the_pause_before_a_retry_is_not_our_own_time(sandbox, stream):
    sandbox.script(fault("503", retry_after=1), "Hello")
    engine = engine_of(sandbox)
    await ask(engine, stream)
    (record,) = engine.journal
    assert [a.kind for a in record.attempts] == ["first", "retry"]
    assert record.total_ms > 1000, "the pause that the upstream asked for was not kept"
    assert record.overhead_ms < 200


async def test_who_asks_for_a_long_pause_is_not_asked_again(sandbox):
    sandbox.script(fault("503", retry_after=60), "Hello")
    engine = engine_of(sandbox)
    with pytest.raises(Overloaded):
        await ask(engine, False)
    assert len(sandbox.calls(chats=True)) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_during_the_pause_is_recorded_once(sandbox, stream):
    sandbox.script(fault("503", retry_after=3))
    engine = engine_of(sandbox)
    work = asyncio.create_task(ask(engine, stream))
    while not sandbox.calls(chats=True, ended=True):
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    (record,) = engine.journal
    assert (record.status, record.http_status, record.cost_nano_usd) == ("cancelled", 499, 0)
    assert [a.status for a in record.attempts] == ["failed"]


@pytest.mark.parametrize("stream", [False, True])
async def test_nothing_is_answered_that_cannot_be_recorded(sandbox, stream):
    engine = engine_of(sandbox)
    engine.journal.full = True
    with pytest.raises(JournalUnavailable):
        await ask(engine, stream)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_full_journal_does_not_turn_a_client_that_left_into_another_error(sandbox, stream):
    sandbox.script(fault("hang"))
    engine = engine_of(sandbox)
    engine.journal.full = True
    work = asyncio.create_task(ask(engine, stream))
    await asyncio.sleep(0.1)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


@pytest.mark.parametrize("stream", [False, True])
async def test_what_was_said_is_journalled_for_who_keeps_it_alone(sandbox, stream):
    sandbox.script("Hello there", "Hello there")
    engine = engine_of(sandbox)
    assert (await ask(engine, stream)).kept is None
    keeper = msgspec.structs.replace(CALLER, keeps_bodies=True)
    kept = (await ask(engine, stream, caller=keeper)).kept
    said = said_in(kept)
    assert [(one.who, one.text) for one in said.prompt] == [("user", "Hello")]
    assert [(one.who, one.text) for one in said.answer] == [("assistant", "Hello there")]
    assert not kept.cut


def test_what_is_too_long_is_cut_and_says_so():
    keeping = Keeping(asked("Hello").request)
    for _ in range(3):
        keeping.told(b"x" * (MOST_KEPT // 2))
    assert (len(keeping.kept.answer), keeping.kept.cut) == (MOST_KEPT, True)
    assert not Keeping(asked("Hello").request).kept.cut


@pytest.mark.parametrize("stream", [False, True])
async def test_each_attempt_tells_by_which_id_the_upstream_knows_it(sandbox, stream):
    sandbox.script(fault("503"), "Hello")
    record = await ask(engine_of(sandbox, "a/demo", "b/demo", retries=0), stream)
    ids = [attempt.upstream_request_id for attempt in record.attempts]
    assert len(set(ids)) == 2 and all(each.startswith("req_") for each in ids), ids
