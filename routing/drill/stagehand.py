"""Who keeps a performance running while the caller's own thread talks to the database? A thread with an event loop."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

TICK_S: Final = 0.5
Over = TypeVar("Over")


class Performance(threading.Thread, Generic[Over]):
    """Runs `perform` in a thread of its own, which tells of each part as it is over; as a context manager it is stopped
    at the end, finished or not."""

    def __init__(self, perform: Callable[[Callable[[Over], None]], Coroutine[Any, Any, None]]) -> None:
        super().__init__(name="performance", daemon=True)
        self._play = perform
        self._over: SimpleQueue[Over | None] = SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        if self.is_alive():
            self._loop.call_soon_threadsafe(self._cancel)
        self.join()

    def __iter__(self) -> Iterator[Over | None]:
        """Each part as it is over, None now and then in between; raises what kept the others from being played."""
        while True:
            try:
                over = self._over.get(timeout=TICK_S)
            except Empty:
                yield None
                continue
            if over is None:
                break
            yield over
        if self._failure is not None:
            raise self._failure

    def run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._perform())
            except BaseException as exc:  # it belongs to the thread that waits
                self._failure = exc
            finally:
                self._over.put(None)

    async def _perform(self) -> None:
        self._task = asyncio.current_task()
        await self._play(self._over.put)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
