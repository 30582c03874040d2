"""How do the records of a tenant that is kept apart come to stand at other instants, or go?

For sample traffic: it is measured within minutes and shown over the days before. Times within a record, tokens and
costs stay as they were. A tenant that is kept apart is in no sum but its own, which can be made anew from its records.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from django.db import transaction
from msgspec import structs

from usage import ids, partitions, store
from usage.bodies import RequestBody
from usage.comparing import Comparer
from usage.fold import Cells, fold, spread
from usage.models import AttemptRecord, RequestRecord
from usage.outcomes import Outcome
from usage.rollups import MINUTE, MINUTES_KEPT_S, OF_REQUESTS, Rollup, StateRollup
from usage.rows import ATTEMPT_COLUMNS, REQUEST_COLUMNS, attempt_rows, outcome_of, request_row

T = TypeVar("T")
AT_ONCE: Final = 400  # ids in a query, fewer than SQLite takes
_RANDOM_BITS: Final = (1 << 80) - 1  # of an id, beside its instant


@transaction.atomic
def retell(tenant_id: int, instants: Sequence[datetime], now: datetime, comparer: Comparer) -> list[Outcome]:
    """Move the tenant's records, in their order, to these instants, as many and in order; return what stands now.

    `comparer` knows the prices, which may be gone by then from the catalogue.

    Raises `ValueError` where there are not as many.
    """
    told = list(_recorded(tenant_id))
    if len(told) != len(instants):
        raise ValueError(f"instants: {len(instants)} for {len(told)} records")
    if not told:
        return told
    forget(tenant_id)
    partitions.ensure_ahead(now, since=instants[0])
    moved = [_at(outcome, instant) for outcome, instant in zip(told, instants, strict=True)]
    store.insert(RequestRecord, REQUEST_COLUMNS, [request_row(one) for one in moved])
    store.insert(AttemptRecord, ATTEMPT_COLUMNS, [row for one in moved for row in attempt_rows(one)])
    oldest_minute = now.timestamp() - MINUTES_KEPT_S
    for table, cells in fold(moved, comparer).items():
        store.add(table, _kept(spread(table, cells, {tenant_id}), oldest_minute))
    return moved


@transaction.atomic
def forget(tenant_id: int) -> int:
    """Delete the tenant's records, and the sums and texts of them; return how many requests there were."""
    found = list(RequestRecord.objects.filter(tenant_id=tenant_id).values_list("id", "attempts_count"))
    attempts = [UUID(ids.attempt_id(key.hex, index)) for key, count in found for index in range(1, count + 1)]
    for some in _some(attempts):
        AttemptRecord.objects.filter(id__in=some).delete()
    for some in _some([key for key, _ in found]):
        RequestRecord.objects.filter(id__in=some).delete()
    RequestBody.objects.filter(tenant_id=tenant_id).delete()
    tables: tuple[type[Rollup], ...] = (*OF_REQUESTS, StateRollup)
    for table in tables:
        table._default_manager.filter(tenant_id=tenant_id).delete()
    return len(found)


def _recorded(tenant_id: int) -> Iterator[Outcome]:
    """The tenant's outcomes, the oldest first."""
    records = list(RequestRecord.objects.filter(tenant_id=tenant_id).order_by("id"))
    for some in _some(records):
        keys = [UUID(ids.attempt_id(one.id.hex, n)) for one in some for n in range(1, one.attempts_count + 1)]
        attempts: dict[UUID, list[AttemptRecord]] = defaultdict(list)
        for part in _some(keys):
            for attempt in AttemptRecord.objects.filter(id__in=part).order_by("index"):
                attempts[attempt.request_id].append(attempt)
        for one in some:
            yield outcome_of(one, attempts[one.id])


def _at(outcome: Outcome, instant: datetime) -> Outcome:
    """The same at another instant, under an id that says so."""
    at_ms = int(instant.timestamp() * 1000)
    moved = UUID(int=ids.first_id(at_ms).int | UUID(outcome.id).int & _RANDOM_BITS)
    return structs.replace(outcome, id=moved.hex, started_us=at_ms * 1000, apart=True)


def _kept(cells: Cells, oldest_minute: float) -> Cells:
    """Without the minutes that are not kept for so long."""
    return {key: sums for key, sums in cells.items() if key[1] != MINUTE or int(key[2]) >= oldest_minute}


def _some(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), AT_ONCE):
        yield rows[start : start + AT_ONCE]
