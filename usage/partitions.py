"""Where do records lie, and until when? Monthly partitions by id on PostgreSQL; elsewhere one table, nothing to do.

There is no default partition: a row outside every month would be found by no bound. The shipper and a daily job make
the months ahead; `remaining` says how many there are, so that an alarm can ring before they run out.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from msgspec import Struct

from usage import ids

TABLES: Final = ("usage_requestrecord", "usage_attemptrecord")
MONTHS_AHEAD: Final = 3
_LOCK_KEY: Final = 0x75736167  # one maker of partitions at a time
# A detach waits for every query on the table; better to come again than to hold all others up.
_LOCK_TIMEOUT: Final = "2s"


class Partition(Struct, frozen=True, order=True):
    """One month of one table, [start, end)."""

    start: datetime
    end: datetime
    table: str

    @property
    def name(self) -> str:
        return f"{self.table}_{self.start:%Y_%m}"


def ensure_ahead(
    now: datetime,
    months: int = MONTHS_AHEAD,
    *,
    since: datetime | None = None,
    database: BaseDatabaseWrapper = connection,
) -> list[str]:
    """Make what is missing from `since` (default: the month before `now`) to `months` ahead; return the new names."""
    if database.vendor != "postgresql":
        return []
    first = month_of(since) if since else _months_after(month_of(now), -1)
    made = []
    with transaction.atomic(using=database.alias), database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK_KEY])
        present = {partition.name for partition in _existing(database)}
        for partition in _months(first, _months_after(month_of(now), months)):
            if partition.name not in present:
                _make(cursor, partition)
                made.append(partition.name)
    return made


def listing() -> list[Partition]:
    """The partitions that exist, oldest first; none on a database that has no partitions."""
    return sorted(_existing(connection)) if connection.vendor == "postgresql" else []


def remaining(now: datetime) -> int | None:
    """How many whole months after this one are ready in every table; None where there are no partitions."""
    if connection.vendor != "postgresql":
        return None
    ahead = [partition.table for partition in _existing(connection) if partition.start > now]
    return min(ahead.count(table) for table in TABLES)


def drop_before(instant: datetime) -> list[str]:
    """Detach and drop the partitions that end at or before `instant`; return their names.

    Raises `OperationalError` when a table is busy for longer than two seconds: come again later.
    """
    dropped = []
    for partition in listing():
        if partition.end <= instant:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
                cursor.execute(f"ALTER TABLE {partition.table} DETACH PARTITION {partition.name}")
                cursor.execute(f"DROP TABLE {partition.name}")
            dropped.append(partition.name)
    return dropped


def month_of(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _months_after(month: datetime, count: int) -> datetime:
    years, index = divmod(month.month - 1 + count, 12)
    return month.replace(year=month.year + years, month=index + 1)


def _months(first: datetime, last: datetime) -> Iterator[Partition]:
    while first <= last:
        following = _months_after(first, 1)
        for table in TABLES:
            yield Partition(first, following, table)
        first = following


def _make(cursor: object, partition: Partition) -> None:
    # Made apart and attached: that takes a lock which lets readers and writers of the table go on.
    execute = cursor.execute  # type: ignore[attr-defined]
    execute(f"CREATE TABLE {partition.name} (LIKE {partition.table} INCLUDING ALL)")
    execute(
        f"ALTER TABLE {partition.table} ATTACH PARTITION {partition.name} FOR VALUES FROM (%s) TO (%s)",
        [str(_bound(partition.start)), str(_bound(partition.end))],
    )


def _bound(instant: datetime) -> object:
    return ids.first_id(int(instant.timestamp()) * 1000)


def _existing(database: BaseDatabaseWrapper) -> list[Partition]:
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT parent.relname, child.relname FROM pg_inherits"
            " JOIN pg_class parent ON parent.oid = inhparent JOIN pg_class child ON child.oid = inhrelid"
            " WHERE parent.relname = ANY(%s) AND pg_table_is_visible(parent.oid)",
            [list(TABLES)],
        )
        names = cursor.fetchall()
    starts = [
        (table, datetime.strptime(name.removeprefix(f"{table}_"), "%Y_%m").replace(tzinfo=UTC)) for table, name in names
    ]
    return [Partition(start, _months_after(start, 1), table) for table, start in starts]
