"""Who served a conversation before? What a model signed or left open, only the same deployment can go on with.

Signatures of thinking, response ids and open tool calls are bound to provider, endpoint and model. A worker remembers
who gave out which; several workers share it through Redis, which is written in the background and asked only about
what this worker does not know. Whom nobody remembers is not bound.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import msgspec
import redis.asyncio
from django.conf import settings
from msgspec import Struct
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
KEPT: Final = 50_000  # marks in a worker's memory, about 10 MB
SHORTEST: Final = 8  # characters of a mark: "call_0" is everybody's, and binds nothing
KEPT_S: Final = 24 * 3600  # in Redis
ASK_S: Final = 0.5
AGAIN_S: Final = 0.05  # after it Redis is asked once more: another worker may be writing at this moment


class Bound(Struct, frozen=True):
    """Whom a conversation is bound to; the name is for those who ask why, also when the deployment is gone."""

    deployment_id: int
    deployment: str  # provider/model


class ServingBook:
    """Remembers which deployment gave out a mark. Marks are kept as digests, apart for every tenant."""

    def __init__(self, shared: "Shared | None" = None) -> None:
        self._known: OrderedDict[str, Bound] = OrderedDict()
        self._shared = shared

    def note(self, tenant_id: int, marks: Sequence[str], bound: Bound) -> None:
        """Remember that these marks came from there."""
        digests = [digest(tenant_id, mark) for mark in marks if len(mark) >= SHORTEST]
        for each in digests:
            self._known[each] = bound
            self._known.move_to_end(each)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        if self._shared is not None and digests:
            self._shared.note(digests, bound)

    async def find(self, tenant_id: int, marks: Sequence[str]) -> Bound | None:
        """The deployment that gave out the latest of these marks; None: nobody knows."""
        digests = [digest(tenant_id, mark) for mark in reversed(marks) if len(mark) >= SHORTEST]
        for each in digests:
            if (found := self._known.get(each)) is not None:
                return found
        return await self._shared.find(digests) if self._shared is not None and digests else None

    async def close(self) -> None:
        if self._shared is not None:
            await self._shared.close()


class Shared(ABC):
    """What all workers know."""

    @abstractmethod
    def note(self, digests: Sequence[str], bound: Bound) -> None:
        """Remember, in the background."""

    @abstractmethod
    async def find(self, digests: Sequence[str]) -> Bound | None:
        """The deployment of the first digest that is known; None when nobody knows, or cannot be asked."""

    @abstractmethod
    async def close(self) -> None: ...


class SharedInRedis(Shared):
    """Keys `<prefix>:serving:<digest>` with the deployment's id and name; forgotten after a day."""

    def __init__(self, url: str, prefix: str) -> None:
        self._redis = redis.asyncio.Redis.from_url(url, socket_timeout=ASK_S, socket_connect_timeout=ASK_S)
        self._prefix = f"{prefix}:serving:"
        self._writing: set[asyncio.Task[None]] = set()

    def note(self, digests: Sequence[str], bound: Bound) -> None:
        task = asyncio.get_running_loop().create_task(self._write(digests, bound))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def find(self, digests: Sequence[str]) -> Bound | None:
        """Whom nobody knows is asked for twice.

        A client may answer a tool call through another worker before the first one's writing has arrived. Conversations
        that began elsewhere wait for it once, since our own answer leaves a mark in them.
        """
        try:
            found = await self._ask(digests)
            if found is None:
                await asyncio.sleep(AGAIN_S)
                found = await self._ask(digests)
            return found
        except (RedisError, OSError, TimeoutError):
            logger.warning("Redis does not say who served a conversation: it is taken for a new one")
            return None

    async def close(self) -> None:
        await asyncio.gather(*self._writing, return_exceptions=True)
        await self._redis.aclose()

    async def _ask(self, digests: Sequence[str]) -> Bound | None:
        values = await self._redis.mget([self._prefix + each for each in digests])
        return next((msgspec.json.decode(value, type=Bound) for value in values if value), None)

    async def _write(self, digests: Sequence[str], bound: Bound) -> None:
        value = msgspec.json.encode(bound)
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for each in digests:
                    pipeline.set(self._prefix + each, value, ex=KEPT_S)
                await pipeline.execute()
        except (RedisError, OSError, TimeoutError):
            logger.warning("Redis does not take who served a conversation: other workers will not know")


def digest(tenant_id: int, mark: str) -> str:
    """16 bytes as hex: a signature may be kilobytes long, and nobody needs to read it here."""
    return blake2b(mark.encode("utf-8", "surrogatepass"), digest_size=16, salt=tenant_id.to_bytes(8, "big")).hexdigest()


def new_serving_book() -> ServingBook:
    """A book as REDIS_URL says; one per process."""
    shared = SharedInRedis(settings.REDIS_URL, settings.REDIS_PREFIX) if settings.REDIS_URL else None
    return ServingBook(shared)
