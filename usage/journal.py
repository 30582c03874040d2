"""How does an outcome become durable before the last byte leaves? One row behind the others of a segment of the spool.

A journal belongs to one process. Its rows outlive a kill -9; `usage.shipper` moves them into the database.
"""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
import structlog
import uuid_utils
from msgspec import structs

from usage import families, openslots, segments
from usage.errors import JournalUnavailable
from usage.outcomes import Outcome
from usage.rowlog import RowWriter

ROWS_PER_SEGMENT: Final = 20_000
SECONDS_PER_SEGMENT: Final = 60.0
REST_S: Final = 1.0  # after a failure: nobody is asked for an answer that could not be recorded

log = structlog.get_logger(__name__)


class Journal:
    """The writing end of the spool in `directory`; `worker` only makes the files' names readable."""

    def __init__(
        self,
        directory: Path,
        worker: str,
        *,
        rows_per_segment: int = ROWS_PER_SEGMENT,
        seconds_per_segment: float = SECONDS_PER_SEGMENT,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._rows_per_segment, self._seconds_per_segment = rows_per_segment, seconds_per_segment
        # Unique for all time and all machines that share a database: marks are kept by this name.
        self.writer = f"{worker}-{os.getpid()}-{uuid_utils.uuid7().hex}"
        self._encoder = msgspec.json.Encoder()
        self._mutex = threading.Lock()
        self._number = self._rows = 0
        self._rests_until = 0.0
        self._held = segments.hold(directory / f"{self.writer}{segments.WRITER}")
        self._open = openslots.OpenSlots(openslots.path_of(directory, self.writer))
        self._segment: RowWriter | None = None
        self._open_next()

    def begin(self, outcome: Outcome) -> None:
        """Keep the outcome so far until it is written, so that a kill -9 does not lose it.

        Call it before each attempt is sent; raises `JournalUnavailable` when there is no room, or has just been none.
        """
        if time.monotonic() < self._rests_until:
            raise JournalUnavailable("The journal could not be written a moment ago")
        body = self._encoder.encode(outcome)
        if len(body) > openslots.ROOM:
            body = self._encoder.encode(_bare(outcome))
        with self._mutex:
            try:
                self._open.put(outcome.id, body)
            except OSError as exc:
                families.write_failures.inc()
                raise JournalUnavailable(f"The journal cannot be written: {exc}") from exc

    def write(self, outcome: Outcome) -> None:
        """Return when the outcome outlives this process; raises `JournalUnavailable` when it cannot be made to."""
        at, body = time.time(), self._encoder.encode(outcome)
        with self._mutex:
            if self._rows >= self._rows_per_segment or time.monotonic() > self._rotate_at:
                self._rotate()
            try:
                self._append(at, body)
            except OSError as exc:
                self._append_elsewhere(at, body, exc)
            self._open.drop(outcome.id)

    def close(self) -> None:
        """End the last segment. The rows stay for the shipper."""
        with self._mutex:
            if self._segment:
                self._segment.close()
            self._segment = None
            self._open.close()
            os.close(self._held)

    def _append(self, at: float, body: bytes) -> None:
        if self._segment is None:
            self._open_next()
        assert self._segment
        self._segment.append(at, body)
        self._rows += 1

    def _append_elsewhere(self, at: float, body: bytes, first: OSError) -> None:
        """A segment that refuses a row is left to the shipper as it is; the row goes to a new one."""
        log.error("journal segment failed", segment=self._number, error=str(first))
        try:
            self._drop()
            self._append(at, body)
        except OSError as exc:
            families.write_failures.inc()
            self._rests_until = time.monotonic() + REST_S
            log.error("journal unavailable", directory=str(self._directory), error=str(exc))
            raise JournalUnavailable(f"The journal cannot be written: {exc}") from exc

    def _rotate(self) -> None:
        """Go on in a new segment; where none can be made, in the old one."""
        old = self._segment
        try:
            self._open_next()
        except OSError as exc:
            log.warning("journal keeps its segment", error=str(exc))
            self._rows, self._rotate_at = 0, time.monotonic() + self._seconds_per_segment
            return
        if old:
            old.close()

    def _open_next(self) -> None:
        number = self._number + 1
        self._segment = RowWriter(segments.path_of(self._directory, self.writer, number))
        self._number, self._rows = number, 0
        self._rotate_at = time.monotonic() + self._seconds_per_segment

    def _drop(self) -> None:
        old, self._segment = self._segment, None
        if old:
            with suppress(OSError):
                old.close()


def _bare(outcome: Outcome) -> Outcome:
    """Without all that has no bound, for an outcome that does not fit."""
    attempts = [structs.replace(attempt, error_message=None, served_model=None) for attempt in outcome.attempts]
    return structs.replace(
        outcome, attempts=attempts, features=None, decision=None, why=None, tags=[], warnings=[], session=None
    )
