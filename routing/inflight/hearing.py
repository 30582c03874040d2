"""How is a worker asked what it is answering? On a channel of Redis that it listens to; without Redis nobody asks.

The answer goes into a list that only the asker knows. A worker that nobody asks does nothing, and no request waits.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

import msgspec
from django.conf import settings
from redis.asyncio import Redis

from routing.answering.running import Running
from routing.inflight.telling import Question, told
from tenants.redislink import AWAY, RedisLink

KEPT_MS: Final = 5_000  # an answer whose asker is gone
ALIVE_S: Final = 15  # between looks whether Redis is still there, while nobody asks
PAUSE_S: Final = 1.0
_question: Final = msgspec.json.Decoder(Question).decode


class Hearing:
    """Listens for one worker. `running` is its register, `serves` says which revisions of the configuration it has."""

    def __init__(self, url: str, prefix: str, running: Running, serves: Callable[[], Mapping[str, int]]) -> None:
        self._url, self._channel, self._running, self._serves = url, channel(prefix), running, serves
        self._link = RedisLink(url, "what runs in this worker is shown to those alone whom it answers")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._link.close()

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except AWAY as exc:
                self._link.note_away(exc)
                await asyncio.sleep(PAUSE_S)

    async def _listen(self) -> None:
        """Until Redis is away. A connection of its own, without a limit on how long it may stay silent."""
        client = Redis.from_url(
            self._url, socket_keepalive=True, socket_connect_timeout=PAUSE_S, health_check_interval=ALIVE_S
        )
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as heard:
                await heard.subscribe(self._channel)
                while True:
                    message = await heard.get_message(timeout=ALIVE_S)
                    if message is not None:
                        await self._answer(message["data"])
        finally:
            await client.aclose()

    async def _answer(self, data: bytes) -> None:
        try:
            question = _question(data)
        except msgspec.MsgspecError:
            return  # of another version of the software, while one replaces the other
        answer = msgspec.json.encode(told(question, self._running, self._serves()))
        async with self._link.client.pipeline(transaction=False) as pipeline:
            pipeline.rpush(question.answer_to, answer)
            pipeline.pexpire(question.answer_to, KEPT_MS)
            await pipeline.execute()


def channel(prefix: str) -> str:
    """Where the workers of an installation are asked."""
    return f"{prefix}:inflight"


def new_hearing(running: Running, serves: Callable[[], Mapping[str, int]]) -> Hearing | None:
    """As REDIS_URL says; one per process. None: this worker is the only one."""
    return Hearing(settings.REDIS_URL, settings.REDIS_PREFIX, running, serves) if settings.REDIS_URL else None
