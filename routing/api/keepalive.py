"""How does a waiting stream keep its client? By a comment now and then, always between two events.

One timer stands per stream. It only looks whether anything was sent since it was set, so that a chunk costs one store
and no timer of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self


class KeepAlive:
    """`with KeepAlive(send, first_s, every_s) as waiting:` around a stream; set `waiting.spoken` for whatever is sent.

    `send` is called when nothing was sent for `first_s` seconds, and then every `every_s` seconds in which nothing was.
    Where the client does not read, the comment before the last must have left before another is made.
    """

    __slots__ = ("_every_s", "_first_s", "_loop", "_send", "_task", "_timer", "spoken")

    def __init__(self, send: Callable[[], Awaitable[None]], first_s: float, every_s: float) -> None:
        self._send, self._first_s, self._every_s = send, first_s, every_s
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self.spoken = False

    def __enter__(self) -> Self:
        self._timer = self._loop.call_later(self._first_s, self._ring)
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _ring(self) -> None:
        if not self.spoken and (self._task is None or self._task.done()):
            self._task = self._loop.create_task(self._sent())
        self.spoken = False
        self._timer = self._loop.call_later(self._every_s, self._ring)

    async def _sent(self) -> None:
        try:
            await self._send()
        except OSError:  # the client has left: whoever listens for that ends the stream
            return
