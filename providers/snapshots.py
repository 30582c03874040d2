"""How configuration reaches the data plane: snapshots in memory, reloaded in the background when their part changes."""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Generic, NoReturn, TypeVar

from django.db import connection
from django.utils import timezone

from providers import revisions

T = TypeVar("T")
logger = logging.getLogger(__name__)


class NotLoaded(RuntimeError):
    """A snapshot was read before its first load."""


class Snapshot(Generic[T]):
    """What one process holds of a part of the configuration; `current` is swapped whole, never changed.

    `listeners` are called after each swap, in the thread that reloads: they clear what was derived from the old one.
    `until` says how long what was loaded holds good by itself, None: for ever.
    """

    current: T

    def __init__(
        self, part: str, load: Callable[[], T], until: Callable[[T], datetime | None] = lambda loaded: None
    ) -> None:
        self.part = part
        self.listeners: list[Callable[[], None]] = []
        self._load, self._until = load, until
        self._reloading = threading.Lock()

    def reload(self) -> None:
        """Load anew and swap; when loading fails, `current` stays as it was."""
        with self._reloading:
            self.current = self._load()
            for listener in self.listeners:
                listener()

    def has_run_out(self, now: datetime) -> bool:
        """Whether something that was known beforehand has come into effect since the last load."""
        until = self._until(self.current)
        return until is not None and until <= now

    def __getattr__(self, name: str) -> NoReturn:
        if name == "current":
            raise NotLoaded(f"the snapshot of {self.part!r} has not been loaded: start a Watcher or call reload()")
        raise AttributeError(name)


class Watcher(threading.Thread):
    """Keeps snapshots up to date: compares the revision rows every `interval_s` seconds and reloads what has changed.

    `start()` returns when every snapshot is loaded, or raises what kept one from loading. Later failures (the database
    is away) leave the last snapshot in use, are logged once, and end by themselves; `failure` holds the present one.
    """

    def __init__(self, snapshots: Sequence[Snapshot[Any]], interval_s: float = 0.4) -> None:
        super().__init__(name="configuration-watcher", daemon=True)
        self._snapshots = tuple(snapshots)
        self._interval_s = interval_s
        self._seen: dict[int, int] = {}
        self._first_round = threading.Event()
        self._stopping = threading.Event()
        self.failure: Exception | None = None

    def start(self) -> None:
        super().start()
        self._first_round.wait()
        if self.failure is not None:
            self.stop()
            raise self.failure

    @property
    def serving(self) -> dict[str, int]:
        """The revision that each loaded part has here; empty before the first load."""
        seen = dict(self._seen)
        return {each.part: seen[id(each)] for each in self._snapshots if id(each) in seen}

    def successor(self) -> "Watcher":
        """One for the same snapshots that has not begun: a thread starts but once."""
        return Watcher(self._snapshots, self._interval_s)

    def stop(self) -> None:
        """End the thread and wait until its database connection is closed."""
        self._stopping.set()
        self.join()

    def run(self) -> None:
        while not self._stopping.is_set():
            self._look()
            self._first_round.set()
            self._stopping.wait(self._interval_s)
        connection.close()

    def _look(self) -> None:
        try:
            self._reload_changed()
        except Exception as exc:
            connection.close()  # a broken connection would fail for ever
            news, self.failure = self.failure is None, exc
            if news:
                logger.error("configuration cannot be read, the last one stays in use: %s", exc)
        else:
            if self.failure is not None:
                logger.warning("configuration can be read again")
            self.failure = None

    def _reload_changed(self) -> None:
        # The numbers are read before the rows: a change in between is seen again at the next look, never missed.
        numbers, now = revisions.numbers(), timezone.now()
        for snapshot in self._snapshots:
            number = numbers.get(snapshot.part, 0)
            if self._seen.get(id(snapshot)) != number or snapshot.has_run_out(now):
                snapshot.reload()
                self._seen[id(snapshot)] = number
