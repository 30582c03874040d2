"""Who keeps a performance running while the drill's own thread talks to the database? A thread with an event loop."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Final, Self

from routing.drill.playing import Play, perform
from routing.drill.scenario import Scene

TICK_S: Final = 0.5
Over = tuple[Play, Scene]


class Performance(threading.Thread):
    """Plays all takes in a thread of its own; as a context manager it is stopped at the end, finished or not."""

    def __init__(self, plays: Sequence[Play], url: str, key: str) -> None:
        super().__init__(name="drill", daemon=True)
        self._plays, self._url, self._key = plays, url, key
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
        """Each take as it is over, None now and then in between; raises what kept the takes from being played."""
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
        await perform(self._plays, self._url, self._key, lambda play, scene: self._over.put((play, scene)))

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
