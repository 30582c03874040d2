"""How do several workers run once what has one Idempotency-Key? Who claims its name in Redis runs it, the others look.

A claim ends by itself when its worker is killed: it is renewed while the work goes on. Answers are sealed, as
credentials are, because Redis may write its memory to a disk. While Redis is away each worker does without: equal
requests that meet in one worker still share a run, and nothing is kept.
"""

import asyncio
from contextlib import suppress
from typing import Any, Final
from uuid import uuid4

import msgspec
from django.conf import settings
from msgspec import Struct

from providers.secrets import SecretUnreadable, seal, unseal
from routing.repeating.finished import Finished
from routing.repeating.repeats import KEPT_S, AnswerStore, LocalAnswers, Repeats, Work, check_same, keeps
from tenants.redislink import AWAY, RedisLink

CLAIM_MS: Final = 10_000
RENEWED_S: Final = 3.0
LOOK_S: Final = 0.1  # between looks at another worker's claim
TOLD_MS: Final = 5_000  # so long those who waited may read what failed

# A claim that Redis forgot while its owner works, because its clock was set ahead or it began anew, stands again.
RENEW: Final = """
local found = redis.call('GET', KEYS[1])
if not found or found == ARGV[1] then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
"""
# ARGV: the claim, what takes its place ('': nothing), for how many ms.
END: Final = """
local found = redis.call('GET', KEYS[1])
if not found or found == ARGV[1] then
  if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
end
"""


class Entry(Struct, frozen=True):
    """What stands under a name: a claim, and later its answer, sealed."""

    digest: str
    claim: str
    answer: str = ""


class SharedAnswers(AnswerStore):
    """Answers that all workers share."""

    def __init__(self, link: RedisLink, prefix: str = "neuroroute:repeats:") -> None:
        self._link, self._prefix = link, prefix

    async def run(self, name: str, digest: str, work: Work) -> tuple[Finished, bool]:
        mine = Entry(digest, uuid4().hex)
        try:
            found = await self._found(name, mine)
        except AWAY as exc:
            self._link.note_away(exc)
            return await work(), False
        return (found, True) if found is not None else (await self._own(name, mine, work), False)

    async def close(self) -> None:
        await self._link.close()

    async def _found(self, name: str, mine: Entry) -> Finished | None:
        """The answer that another worker gave; None: the claim is ours. Raises what Redis does."""
        waited_for = ""
        while True:
            entry = await self._claim(name, mine)
            if waited_for and (entry is None or entry.claim != waited_for):
                if (failure := await self._failure(waited_for)) is not None:
                    if entry is None:
                        await self._end(name, mine, None)
                    return failure
                waited_for = ""
            if entry is None:
                return None
            check_same(entry.digest, mine.digest)
            if entry.answer:
                return _opened(entry.answer.encode())
            waited_for = entry.claim
            await asyncio.sleep(LOOK_S)

    async def _claim(self, name: str, mine: Entry) -> Entry | None:
        """None: claimed; else what stands there."""
        self._link.check()
        key = self._prefix + name
        while not await self._link.client.set(key, msgspec.json.encode(mine), nx=True, px=CLAIM_MS):
            if (value := await self._link.client.get(key)) is not None:
                return msgspec.json.decode(value, type=Entry)
        return None

    async def _own(self, name: str, mine: Entry, work: Work) -> Finished:
        renewing = asyncio.create_task(self._keep_renewing(name, mine))
        answer: Finished | None = None
        try:
            answer = await work()
            return answer
        finally:
            renewing.cancel()
            try:
                await self._end(name, mine, answer)
            except AWAY as exc:  # the claim ends by itself
                self._link.note_away(exc)

    async def _keep_renewing(self, name: str, mine: Entry) -> None:
        while True:
            await asyncio.sleep(RENEWED_S)
            with suppress(*AWAY):
                await self._eval(RENEW, name, msgspec.json.encode(mine), CLAIM_MS)

    async def _end(self, name: str, mine: Entry, answer: Finished | None) -> None:
        """Put the answer in the claim's place; what is not kept is told to those who wait, and the name is free."""
        sealed = seal(msgspec.json.encode(answer).decode()).decode() if answer is not None else ""
        if answer is not None and not keeps(answer):
            await self._link.client.set(f"{self._prefix}failed:{mine.claim}", sealed, px=TOLD_MS)
        kept = answer is not None and keeps(answer)
        entry = msgspec.json.encode(Entry(mine.digest, mine.claim, sealed)) if kept else b""
        await self._eval(END, name, msgspec.json.encode(mine), entry, int(KEPT_S * 1000))

    async def _failure(self, claim: str) -> Finished | None:
        sealed: Any = await self._link.client.get(f"{self._prefix}failed:{claim}")
        return _opened(sealed) if sealed else None

    async def _eval(self, script: str, name: str, *arguments: bytes | int) -> None:
        await self._link.client.eval(script, 1, self._prefix + name, *arguments)


def _opened(sealed: bytes) -> Finished | None:
    """None where it was sealed with a key that is gone: then nobody can have it again."""
    try:
        return msgspec.json.decode(unseal(sealed), type=Finished)
    except SecretUnreadable:
        return None


def new_repeats() -> Repeats:
    """As REDIS_URL says; one per process."""
    if not settings.REDIS_URL:
        return Repeats(LocalAnswers())
    link = RedisLink(settings.REDIS_URL, "repeated requests are known to the worker that runs them")
    return Repeats(SharedAnswers(link, f"{settings.REDIS_PREFIX}:repeats:"))
