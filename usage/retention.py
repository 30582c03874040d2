"""What of the history goes, and when? Records after a number of days, minute sums after three, daily sums never.

PostgreSQL drops whole months; elsewhere rows go in chunks, so that the one write lock is never held for long.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection
from msgspec import Struct

from usage import ids, partitions
from usage.bodies import deletions, kept_days
from usage.fold import METRICS
from usage.models import AttemptRecord, RequestBody, RequestRecord
from usage.rollups import MINUTE, MINUTES_KEPT_S, OF_REQUESTS, LatencyRollup, Rollup, StateRollup

CHUNK_ROWS: Final = 5000


class Pruned(Struct, frozen=True):
    """What went: partitions by name, or rows; `rollup_rows` of minutes."""

    partitions: list[str]
    records: int
    rollup_rows: int
    bodies: int = 0  # prompts and answers that nobody keeps any more


def prune(now: datetime, keep: timedelta) -> Pruned:
    """Remove records older than `keep` (on PostgreSQL: the months that are wholly older) and old minutes."""
    oldest = now - keep
    dropped = partitions.drop_before(oldest)
    records = 0 if connection.vendor == "postgresql" else _delete_records(oldest)
    return Pruned(dropped, records, _delete_minutes(now), _delete_bodies(now, keep))


def _delete_records(oldest: datetime) -> int:
    bound = ids.first_id(int(oldest.timestamp() * 1000)).hex
    return sum(_delete_in_chunks(model._meta.db_table, "id < %s", [bound]) for model in (AttemptRecord, RequestRecord))


def _delete_bodies(now: datetime, keep: timedelta) -> int:
    table = RequestBody._meta.db_table
    named = [(condition, list(map(_column, values))) for condition, values in deletions(now, keep, kept_days())]
    return sum(_delete_in_chunks(table, condition, values) for condition, values in named)


def _column(value: int | UUID) -> int | str:
    """As both databases compare it."""
    return value.hex if isinstance(value, UUID) else value


def _delete_minutes(now: datetime) -> int:
    bounds: list[str | int] = [MINUTE, int(now.timestamp()) - MINUTES_KEPT_S]
    old = "grain = %s AND bucket < %s"
    tables: tuple[type[Rollup], ...] = (*OF_REQUESTS, StateRollup)
    by_bucket = [table for table in tables if table is not LatencyRollup]
    deleted = sum(_delete_in_chunks(model._meta.db_table, old, bounds) for model in by_bucket)
    # By metric, as its index begins.
    table = LatencyRollup._meta.db_table
    return deleted + sum(_delete_in_chunks(table, f"metric = %s AND {old}", [metric, *bounds]) for metric in METRICS)


def _delete_in_chunks(table: str, condition: str, parameters: list[str | int]) -> int:
    row = "ctid" if connection.vendor == "postgresql" else "rowid"
    chunk = f"SELECT {row} FROM {table} WHERE {condition} LIMIT {CHUNK_ROWS}"
    total = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table} WHERE {row} IN ({chunk})", parameters)
            total += cursor.rowcount
            if cursor.rowcount < CHUNK_ROWS:
                return total
