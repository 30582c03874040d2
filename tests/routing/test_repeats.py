"""What has one Idempotency-Key is run once, in one process and in several; what fails is told and not kept."""

import asyncio
import uuid
from contextlib import suppress

import pytest

from routing.errors import IdempotencyKeyReused
from routing.repeating import repeats, sharedrepeats
from routing.repeating.finished import Finished
from routing.repeating.repeats import KEPT_S, LocalAnswers, Repeats
from routing.repeating.sharedrepeats import SharedAnswers
from tenants.redislink import RedisLink
from tests.clocks import WallClock, why_not
from tests.ownredis import own_redis, patient_link

GOOD = Finished(200, [(b"x-request-id", b"req_1")], '{"text": "Grüße"}'.encode())
NOBODY = "redis://127.0.0.1:1/0"


class Work:
    """Counts how often it is run; the answers come one after the other, the last again and again."""

    def __init__(self, *answers, takes_s=0.1):
        self.answers, self.takes_s, self.runs = [*answers] or [GOOD], takes_s, 0
        self.begun = asyncio.Event()

    async def __call__(self):
        self.runs += 1
        self.begun.set()
        await asyncio.sleep(self.takes_s)
        return self.answers[min(self.runs, len(self.answers)) - 1]


@pytest.fixture(params=["one process", "two workers"])
async def workers(request):
    """Two faces of the same: twice the same worker, or two that know each other through Redis only."""
    if request.param == "one process":
        one = Repeats(LocalAnswers())
        yield one, one
        return
    services = request.getfixturevalue("services")
    prefix = f"{services.redis_prefix}:{uuid.uuid4().hex}:"
    both = [Repeats(SharedAnswers(patient_link(services.redis_url), prefix)) for _ in range(2)]
    yield tuple(both)
    for each in both:
        await each.close()


async def test_fifty_equal_requests_are_one(workers):
    work = Work()
    told = await asyncio.gather(*(workers[n % 2].once("name", b"body", work) for n in range(50)))
    assert work.runs == 1
    assert {answer.body for answer, _ in told} == {GOOD.body} and told[0][0] == GOOD
    assert [replayed for _, replayed in told].count(False) == 1
    assert await workers[1].once("name", b"body", work) == (GOOD, True) and work.runs == 1
    assert await workers[1].once("other", b"body", work) == (GOOD, False)


async def test_another_body_is_refused_while_it_runs_and_afterwards(workers):
    work = Work()
    first = asyncio.create_task(workers[0].once("name", b"body", work))
    await work.begun.wait()
    for _ in range(2):
        with pytest.raises(IdempotencyKeyReused) as caught:
            await workers[1].once("name", b"another", work)
        await first
    assert (caught.value.status, caught.value.retry, caught.value.code) == (422, False, "idempotency_key_reused")
    assert work.runs == 1


async def test_a_failure_is_told_to_those_who_waited_and_not_kept(workers):
    work = Work(Finished(503, [], b"{}"), GOOD, takes_s=0.3)
    told = await asyncio.gather(*(workers[n % 2].once("name", b"body", work) for n in range(6)))
    assert work.runs == 1 and {answer.status for answer, _ in told} == {503}
    assert await workers[1].once("name", b"body", work) == (GOOD, False)


async def test_who_waits_takes_over_from_one_that_left(workers):
    work = Work(takes_s=1)
    first = asyncio.create_task(workers[0].once("name", b"body", work))
    await work.begun.wait()
    second = asyncio.create_task(workers[1].once("name", b"body", work))
    await asyncio.sleep(0.05)
    first.cancel()
    assert await second == (GOOD, False)
    with suppress(asyncio.CancelledError):
        await first
    assert work.runs == 2


async def test_what_is_too_large_to_keep_is_run_anew(workers, monkeypatch):
    monkeypatch.setattr(repeats, "LARGEST", 10)
    work = Work()
    for runs in (1, 2):
        assert (await workers[0].once("name", b"body", work))[1] is False and work.runs == runs


async def test_a_process_keeps_a_day_and_no_more_than_fits(monkeypatch):
    now = [0.0]
    one = Repeats(LocalAnswers(lambda: now[0]))
    monkeypatch.setattr(repeats, "MEMORY", 3 * len(GOOD.body))
    work = Work(takes_s=0)
    for name in "abcd":
        await one.once(name, b"", work)
    assert [(await one.once(name, b"", work))[1] for name in "dcb"] == [True] * 3
    now[0] = KEPT_S
    assert (await one.once("d", b"", work))[1] is False


async def test_a_killed_workers_claim_ends_by_itself(services, monkeypatch):
    monkeypatch.setattr(sharedrepeats, "CLAIM_MS", 300)
    prefix = f"{services.redis_prefix}:{uuid.uuid4().hex}:"
    killed, other = (SharedAnswers(patient_link(services.redis_url), prefix) for _ in range(2))
    assert await killed._claim("name", sharedrepeats.Entry("d", "killed")) is None  # and nothing more is heard of it
    work = Work()
    assert await other.run("name", "d", work) == (GOOD, False) and work.runs == 1
    await killed.close()
    await other.close()


async def test_a_long_run_keeps_its_claim(services, monkeypatch):
    monkeypatch.setattr(sharedrepeats, "CLAIM_MS", 300)
    monkeypatch.setattr(sharedrepeats, "RENEWED_S", 0.1)
    prefix = f"{services.redis_prefix}:{uuid.uuid4().hex}:"
    one, other = (Repeats(SharedAnswers(patient_link(services.redis_url), prefix)) for _ in range(2))
    work = Work(takes_s=1)
    told = await asyncio.gather(*(each.once("name", b"", work) for each in (one, other)))
    assert work.runs == 1 and sorted(replayed for _, replayed in told) == [False, True]
    await one.close()
    await other.close()


async def test_a_claim_that_redis_forgot_stands_again_while_its_owner_works(monkeypatch, tmp_path):
    """Its clock is set an hour ahead, so that every claim is over at once."""
    if reason := why_not():
        pytest.skip(reason)
    monkeypatch.setattr(sharedrepeats, "RENEWED_S", 0.1)
    clock = WallClock(tmp_path)
    with own_redis(clock.environment) as server:
        server.start()
        one, other = (Repeats(SharedAnswers(RedisLink(server.url, "alone"), "own:")) for _ in range(2))
        work = Work(takes_s=3)
        first = asyncio.create_task(one.once("name", b"", work))
        await asyncio.sleep(0.5)
        clock.step(3600)
        await asyncio.sleep(1)
        assert await other.once("name", b"", work) == (GOOD, True)
        assert await first == (GOOD, False) and work.runs == 1
        await one.close()
        await other.close()
    clock.close()


async def test_without_redis_a_worker_still_runs_equal_requests_together():
    one, work = Repeats(SharedAnswers(RedisLink(NOBODY, "alone"), "none:")), Work()
    told = await asyncio.gather(*(one.once("name", b"", work) for _ in range(9)))
    assert work.runs == 1 and [replayed for _, replayed in told].count(False) == 1
    await one.close()


async def test_nothing_readable_lies_in_redis(services):
    link = patient_link(services.redis_url)
    prefix = f"{services.redis_prefix}:{uuid.uuid4().hex}:"
    one = Repeats(SharedAnswers(link, prefix))
    await one.once("name", b"body", Work())
    lies_there = await link.client.get(f"{prefix}name")
    assert lies_there and b"text" not in lies_there and await link.client.ttl(f"{prefix}name") > KEPT_S - 60
    await one.close()
