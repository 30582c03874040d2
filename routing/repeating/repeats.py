"""Who asks again under the same Idempotency-Key: how is the work done once, and the answer the same for everybody?

Equal requests that meet in one worker share one run. What was answered well is kept for a day: in the process, or, when
several workers share Redis, there (`sharedrepeats.py`). What failed is told to those who waited for it, and not kept:
the next request tries anew. Where the one who ran it left, one of the others begins again.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from time import monotonic
from typing import Final

from prometheus_client import Counter

from routing.errors import IdempotencyKeyReused
from routing.repeating.finished import Finished

KEPT_S: Final = 24 * 3600.0
LARGEST: Final = 4 * 2**20  # bytes of an answer that is kept
MEMORY: Final = 64 * 2**20  # bytes of all answers that a process keeps; the oldest go first
cache_hits = Counter(
    "llm_cache_hits", "Answers given again under an Idempotency-Key: no other cache of answers is kept."
)
OTHER_BODY: Final = "idempotency-key: was used before with another body; a new request needs a new key"


Work = Callable[[], Awaitable[Finished]]


class AnswerStore(ABC):
    """Keeps answers by name; one process asks it for one name at a time."""

    @abstractmethod
    async def run(self, name: str, digest: str, work: Work) -> tuple[Finished, bool]:
        """The answer that is kept, or of `work`; whether it was there already. Raises `IdempotencyKeyReused`."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of connections."""


class Running:
    """A run that others may wait for; its future is None where it came to nothing."""

    __slots__ = ("digest", "done")

    def __init__(self, digest: str) -> None:
        self.digest = digest
        self.done: asyncio.Future[Finished | None] = asyncio.get_running_loop().create_future()


class Repeats:
    """Runs what has a name once."""

    def __init__(self, store: AnswerStore) -> None:
        self._store = store
        self._running: dict[str, Running] = {}

    async def once(self, name: str, body: bytes, work: Work) -> tuple[Finished, bool]:
        """The answer to `body` under `name`, and whether it is somebody else's; raises `IdempotencyKeyReused`."""
        answer, replayed = await self._once(name, blake2b(body, digest_size=16).hexdigest(), work)
        if replayed:
            cache_hits.inc()
        return answer, replayed

    async def close(self) -> None:
        await self._store.close()

    async def _once(self, name: str, digest: str, work: Work) -> tuple[Finished, bool]:
        while (running := self._running.get(name)) is not None:
            check_same(running.digest, digest)
            await asyncio.wait([running.done])
            if (answer := running.done.result()) is not None:
                return answer, True
        return await self._run(name, digest, work)

    async def _run(self, name: str, digest: str, work: Work) -> tuple[Finished, bool]:
        running = self._running[name] = Running(digest)
        answer: Finished | None = None
        try:
            answer, replayed = await self._store.run(name, digest, work)
            return answer, replayed
        finally:
            del self._running[name]
            running.done.set_result(answer)


class LocalAnswers(AnswerStore):
    """Answers in this process's memory."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[str, Finished, float]] = OrderedDict()  # digest, answer, until when
        self._size = 0

    async def run(self, name: str, digest: str, work: Work) -> tuple[Finished, bool]:
        self._forget_old()
        if (kept := self._kept.get(name)) is not None:
            check_same(kept[0], digest)
            return kept[1], True
        answer = await work()
        if keeps(answer):
            self._kept[name] = digest, answer, self._clock() + KEPT_S
            self._size += len(answer.body)
            while self._size > MEMORY:
                self._drop_oldest()
        return answer, False

    async def close(self) -> None:
        """There is nothing to let go of."""

    def _forget_old(self) -> None:
        now = self._clock()
        while self._kept and next(iter(self._kept.values()))[2] <= now:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, (_, answer, _) = self._kept.popitem(last=False)
        self._size -= len(answer.body)


def check_same(known: str, digest: str) -> None:
    """Whether a body is the one that its key was used with; raises `IdempotencyKeyReused`."""
    if known != digest:
        raise IdempotencyKeyReused(OTHER_BODY, param="idempotency-key")


def keeps(answer: Finished) -> bool:
    """Whether the next request may have the same."""
    return 200 <= answer.status < 300 and len(answer.body) <= LARGEST
