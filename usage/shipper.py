"""How do journalled outcomes get into the database, each exactly once?

One transaction per batch: the records that are not there yet, the sums of these alone, and the marks of how far each
segment has been shipped. Killed half-way, nothing of it stands; shipped again, nothing counts again. While the database
is away everything stays in the spool. What the database refuses is set aside (`usage.rejects`).
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
import structlog
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, connection, transaction
from msgspec import Struct, structs

from providers.pricebook import PriceBook
from providers.selectors import deployments_in_use
from tenants import settling
from tenants.selectors import budget_states
from usage import abandoned, accesslog, families, ids, metrics, openslots, partitions, rejects, segments, spool, store
from usage.bodies import BODY_COLUMNS, body_row
from usage.comparing import Comparer
from usage.errors import SpoolBusy
from usage.fold import Cells, fold, spread
from usage.models import AttemptRecord, RequestBody, RequestRecord, ShipperMark
from usage.outcomes import Outcome
from usage.rollups import AttemptRollup, Rollup, TagRollup
from usage.rowlog import BrokenSegment, Row, rows
from usage.rows import ATTEMPT_COLUMNS, REQUEST_COLUMNS, attempt_rows, request_row
from usage.segments import Segment
from usage.tagcap import TagCap

BATCH_ROWS: Final = 2000
BATCH_BYTES: Final = 32 * 1024 * 1024  # of one segment: what was said may come with each row
PAUSE_S: Final = 0.25
BURY_S: Final = 1.0
LONGEST_PAUSE_S: Final = 1.0
UPKEEP_S: Final = 60.0
# An older instant than this is a broken clock's: no partitions are made for it.
OLDEST: Final = timedelta(days=800)
_LOCK: Final = "shipper.lock"
_AWAY: Final = (DatabaseError, InterfaceError)
_REFUSED: Final = (DataError, IntegrityError, OverflowError, UnicodeError)

log = structlog.get_logger(__name__)


class Read(Struct, frozen=True):
    """One row of the spool, decoded."""

    segment: str
    body: bytes
    outcome: Outcome


class Shipper:
    """Ships one spool; run it inside `alone(directory)`."""

    def __init__(self, directory: Path, *, batch_rows: int = BATCH_ROWS, batch_bytes: int = BATCH_BYTES) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory, self._batch_rows, self._batch_bytes = directory, batch_rows, batch_bytes
        self._marks: dict[str, int] | None = None  # None: unknown since the start or since the database was away
        self._away = False
        self._partitions_since = datetime.now(UTC)
        self._success = families.SuccessWindow()
        self._prices = PriceBook()
        self._comparer, self._tags = Comparer(self._prices), TagCap()
        self._bury_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Ship until `stop` is set, and then what is left."""
        pause, upkeep_at = PAUSE_S, 0.0
        while not stop.is_set():
            if time.monotonic() >= upkeep_at:
                self.keep_up()
                upkeep_at = time.monotonic() + UPKEEP_S
            read = self.ship_or_wait()
            pause = min(pause * 2, LONGEST_PAUSE_S) if read is None else PAUSE_S
            if read is None or read < self._batch_rows:
                stop.wait(pause)
        while self.ship_or_wait():
            pass

    def ship_or_wait(self) -> int | None:
        """Ship a batch; None when the database is away."""
        try:
            read = self.ship_batch()
        except _AWAY as exc:
            if not self._away:
                log.warning("database away, outcomes wait in the spool", error=str(exc).strip())
            self._away, self._marks = True, None
            connection.close()
            return None
        if self._away:
            log.warning("database back", waiting=spool.backlog(self._directory).rows)
        self._away = False
        return read

    def ship_batch(self) -> int:
        """Ship about `batch_rows` rows, delete the segments that are done with, return how many rows were read.

        Raises `django.db.DatabaseError` or `InterfaceError` when the database is away; nothing is lost by it.
        """
        if self._marks is None:
            self._marks = dict(ShipperMark.objects.values_list("segment", "position"))
        batch, marks, done = self._read()
        if marks:
            if self._prices.refresh():
                self._comparer.forget()
            self._ship(batch, marks)
            self._marks |= marks
            self._note()
        self._retire(done)
        if done or time.monotonic() >= self._bury_at:
            self._bury()
        return len(batch)

    def _note(self) -> None:
        """On a full disk the copy stays behind, which it may; what is shipped makes room."""
        try:
            spool.note_shipped(self._directory, self._marks or {})
        except OSError as exc:
            log.error("no note of what is shipped", error=str(exc))

    def keep_up(self) -> None:
        """What is due now and then: partitions ahead, what is left of budgets, series, counters of dead processes."""
        now = datetime.now(UTC)
        try:
            partitions.ensure_ahead(now)
            families.show_budgets(budget_states(now))
            families.expect(deployments_in_use())
        except _AWAY as exc:
            log.warning("no partitions made", error=str(exc).strip())
        metrics.sweep()

    def _read(self) -> tuple[list[Read], dict[str, int], list[Segment]]:
        """The next rows of all segments, the marks after them, and the segments of which these are the last."""
        batch, marks, done = list[Read](), dict[str, int](), list[Segment]()
        listed = segments.listing(self._directory)
        for position, segment in enumerate(listed):
            # An equal share for each, so that one busy worker does not keep the others' rows waiting.
            share = max((self._batch_rows - len(batch)) // (len(listed) - position), 1)
            found, ended = self._rows(segment, share)
            if found:
                marks[segment.name] = found[-1].position
                batch += self._decoded(segment.name, [row.body for row in found])
            if ended:
                done.append(segment)
        return batch, marks, done

    def _rows(self, segment: Segment, limit: int) -> tuple[list[Row], bool]:
        """The next whole rows, and whether nothing follows them any more. What is no row is found when it is next."""
        assert self._marks is not None
        found: list[Row] = []
        left = self._batch_bytes
        try:
            for row in islice(rows(segment.path, self._marks.get(segment.name, 0)), limit):
                found.append(row)
                left -= len(row.body)
                if left <= 0:
                    return found, False
        except BrokenSegment as exc:
            if found or not segment.complete:
                return found, False
            rejects.set_segment_aside(segment, str(exc))
        return found, segment.complete and len(found) < limit

    def _decoded(self, segment: str, bodies: Sequence[bytes]) -> Iterator[Read]:
        for body in bodies:
            try:
                yield Read(segment, body, spool.decode(body))
            except (msgspec.MsgspecError, UnicodeError) as exc:
                rejects.set_row_aside(self._directory, segment, body, str(exc))

    def _ship(self, batch: Sequence[Read], marks: dict[str, int]) -> None:
        """Commit the batch; what the database refuses is found by halving, and set aside."""
        try:
            self._commit(batch, marks)
        except _REFUSED as exc:
            if len(batch) == 1:
                rejects.set_row_aside(self._directory, batch[0].segment, batch[0].body, str(exc))
                self._commit([], marks)
                return
            middle = len(batch) // 2
            # The marks go with the second half: were it not shipped, the first would be read again and not count again.
            self._ship(batch[:middle], {})
            self._ship(batch[middle:], marks)

    def _commit(self, batch: Sequence[Read], marks: dict[str, int]) -> None:
        outcomes = {read.outcome.id: read.outcome for read in batch}
        self._make_partitions(outcomes)
        with transaction.atomic():
            _mark(marks)
            new = store.insert_new(
                RequestRecord, REQUEST_COLUMNS, {key: request_row(outcome) for key, outcome in outcomes.items()}
            )
            fresh = [outcome for key, outcome in outcomes.items() if key in new]
            store.insert(RequestBody, BODY_COLUMNS, [body_row(one, one.kept) for one in fresh if one.kept])
            store.insert(AttemptRecord, ATTEMPT_COLUMNS, [row for one in fresh for row in attempt_rows(one)])
            folded, apart = fold(fresh, self._comparer), {one.tenant_id for one in fresh if one.apart}
            folded[TagRollup] = self._tags.capped(folded[TagRollup])
            for table, cells in folded.items():
                store.add(table, spread(table, cells, apart))
            reached = settling.settle(charge for one in fresh for charge in one.charges)
        self._count(folded, fresh, apart)
        accesslog.tell(fresh)
        if reached:
            families.show_budgets(budget_states(datetime.now(UTC)))
        for each in reached:
            log.warning("budget reached a threshold", **structs.asdict(each))

    def _count(self, folded: dict[type[Rollup], Cells], fresh: list[Outcome], apart: set[int]) -> None:
        """For Prometheus, which has no tenants: what is kept apart is not in it."""
        if apart:
            fresh = [one for one in fresh if not one.apart]
            folded = fold(fresh, self._comparer)
        families.count(folded, fresh)
        self._success.add(folded[AttemptRollup], time.time())

    def _make_partitions(self, keys: dict[str, Outcome]) -> None:
        """The months of outcomes that waited for very long may not be there."""
        if not keys:
            return
        now = datetime.now(UTC)
        oldest = datetime.fromtimestamp(ids.instant_ms(min(keys)) / 1000, UTC)
        if now - OLDEST < oldest < self._partitions_since:
            partitions.ensure_ahead(now, since=oldest)
            self._partitions_since = oldest

    def _bury(self) -> None:
        """See to what dead writers left once all that they journalled is shipped: requests that they never ended, and
        money that they had leased."""
        self._bury_at = time.monotonic() + BURY_S
        for writer in segments.dead_writers(self._directory):
            left = self._decoded(writer, openslots.left(self._directory, writer))
            begun = sorted(left, key=lambda read: abandoned.progress(read.outcome))
            self._ship([structs.replace(read, outcome=abandoned.closed(read.outcome)) for read in begun], {})
            settling.release(writer)
            openslots.path_of(self._directory, writer).unlink(missing_ok=True)

    def _retire(self, done: Sequence[Segment]) -> None:
        """Delete segments, their marks last: a kill in between leaves a mark without rows, never the opposite."""
        if not done:
            return
        for segment in done:
            segment.path.unlink(missing_ok=True)
        names = [segment.name for segment in done]
        ShipperMark.objects.filter(segment__in=names).delete()
        self._marks = {name: row for name, row in (self._marks or {}).items() if name not in names}


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Hold the spool; raises `SpoolBusy` when another shipper does."""
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor, directory)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, directory: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        raise SpoolBusy(f"Another shipper ships {directory}.") from exc


def _mark(marks: dict[str, int]) -> None:
    """Written first: whoever else ships these segments waits here until this transaction has ended."""
    if marks:
        ShipperMark.objects.bulk_create(
            [ShipperMark(segment=name, position=row) for name, row in sorted(marks.items())],
            update_conflicts=True,
            unique_fields=["segment"],
            update_fields=["position"],
        )
