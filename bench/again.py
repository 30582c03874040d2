"""How are hours of requests told again at other hours, inside the database? Their records and their sums, moved alike.

A day is put together from whole hours, of which several may fall on the same one: what is kept of minutes, quarters and
hours moves with the records and is added up, and the sums of the day are those of its hours. So all agree as they did.
What is told again is read from copies (`set_apart`), so that the tables themselves can be without indexes meanwhile.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Model
from msgspec import Struct

from usage import ids
from usage.models import AttemptRecord, RequestRecord
from usage.rollups import DAY, HOUR, MINUTE, OF_REQUESTS, QUARTER, Rollup
from usage.store import KEY_START

# An id's first 48 bits are its milliseconds; the others stay, so that ids differ as their instants or these do.
_MOVED: Final = """
    CREATE OR REPLACE FUNCTION pg_temp.moved(id uuid, ms bigint) RETURNS uuid IMMUTABLE LANGUAGE sql AS $$
        SELECT (lpad(to_hex(('x' || left(id::text, 8) || substr(id::text, 10, 4))::bit(48)::bigint + ms), 12, '0')
            || substr(id::text, 14))::uuid
    $$"""


class Move(Struct, frozen=True):
    """Everything of the hour that begins at `source`, again in the one that begins at `target`."""

    source: datetime
    target: datetime

    @property
    def low(self) -> int:
        return int(self.source.timestamp())

    @property
    def shift_s(self) -> int:
        return int((self.target - self.source).total_seconds())


def set_apart(*, keep: bool = True) -> None:
    """Copy all that there is to where `tell_again` reads it; or drop those copies."""
    with connection.cursor() as cursor:
        for table in (RequestRecord, AttemptRecord, *OF_REQUESTS):
            name = _copy(table)
            cursor.execute(f"DROP TABLE IF EXISTS {name}")
            if keep:
                cursor.execute(f"CREATE TABLE {name} AS SELECT * FROM {table._meta.db_table}")
                found_by = "grain, bucket" if issubclass(table, Rollup) else "id"
                cursor.execute(f"CREATE INDEX {name}_index ON {name} ({found_by})")
        cursor.execute("ANALYZE")


def tell_again(moves: Sequence[Move], minutes_since: datetime) -> int:
    """Carry out the moves onto one day (UTC), of which nothing is there yet; return how many requests it got.

    Each is another hour of `source`, or falls on another `target`. Minutes are kept from the hour `minutes_since` on.
    """
    day = int(moves[0].target.timestamp()) // DAY * DAY
    recent = [move for move in moves if move.target >= minutes_since]
    with transaction.atomic(), connection.cursor() as cursor:
        moved = _prepared(cursor)
        count = _records(cursor, RequestRecord, moves, moved)
        _records(cursor, AttemptRecord, moves, moved)
        for table in OF_REQUESTS:
            _sums(cursor, table, moves, (QUARTER, HOUR))
            _sums(cursor, table, moves, (HOUR,), {"grain": f"{DAY}", "bucket": f"{day}"})
            if recent:
                _sums(cursor, table, recent, (MINUTE,))
    return count


def forget_minutes(table: type[Rollup], oldest: float) -> None:
    """Delete the sums of minutes before this instant, in seconds since the epoch."""
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table._meta.db_table} WHERE grain = {MINUTE} AND bucket < %s", [oldest])


def _copy(table: type[Model]) -> str:
    return f"told_{table._meta.db_table}"


def _prepared(cursor: Any) -> str:
    """The name of a function in the database: the id that is so many milliseconds from the one that is given."""
    if connection.vendor != "postgresql":
        connection.connection.create_function("moved", 2, _moved, deterministic=True)
        return "moved"
    cursor.execute("SET LOCAL synchronous_commit = off")
    cursor.execute("SET LOCAL work_mem = '256MB'")
    cursor.execute("SET LOCAL enable_seqscan = off")  # each hour is found by its index
    cursor.execute(_MOVED)
    return "pg_temp.moved"


def _moved(key: str, shift_ms: int) -> str:
    return f"{ids.instant_ms(key) + shift_ms:012x}{key[12:]}"


def _records(cursor: Any, model: type[Model], moves: Sequence[Move], moved: str) -> int:
    shift = "CAST(move.shift AS bigint)"
    told = {
        "id": f"{moved}(r.id, {shift} * 1000)",
        "request_id": f"{moved}(r.request_id, {shift} * 1000)",
        "started_us": f"r.started_us + {shift} * 1000000",
    }
    names = [field.attname for field in model._meta.concrete_fields]
    values = [told.get(name, f'r."{name}"') for name in names]
    bounds = [(_bound(move.low), _bound(move.low + HOUR), move.shift_s) for move in moves]
    cursor.execute(
        f"INSERT INTO {model._meta.db_table} ({_listed(names)})"
        f" WITH move(low, high, shift) AS (VALUES {', '.join(['(%s, %s, %s)'] * len(bounds))})"
        f" SELECT {', '.join(values)}"
        f" FROM move CROSS JOIN {_copy(model)} r WHERE r.id >= move.low AND r.id < move.high",
        [value for bound in bounds for value in bound],
    )
    return int(cursor.rowcount)


def _bound(seconds: int) -> Any:
    """The first id of that second, as the database compares it."""
    first = ids.first_id(seconds * 1000)
    return first if connection.vendor == "postgresql" else first.hex


def _sums(
    cursor: Any,
    table: type[Rollup],
    moves: Sequence[Move],
    grains: Sequence[int],
    told: Mapping[str, str] = MappingProxyType({"bucket": "r.bucket + move.shift"}),
) -> None:
    """What the hours have in these grains, added up; `told` says, in SQL, what becomes of which column of the key."""
    keys, sums = columns(table)
    values = [told.get(name, f'r."{name}"') for name in keys]
    grouped = [value for value in values if not value.isdigit()]
    cursor.execute(
        f"INSERT INTO {table._meta.db_table} ({_listed(keys + sums)})"
        f" WITH move(low, shift) AS (VALUES {', '.join(f'({move.low}, {move.shift_s})' for move in moves)})"
        f" SELECT {', '.join(values)}, {_added(sums)} FROM move CROSS JOIN {_copy(table)} r"
        f" WHERE r.grain IN ({', '.join(map(str, grains))}) AND r.bucket >= move.low AND r.bucket < move.low + {HOUR}"
        f" GROUP BY {', '.join(grouped)}"
    )


def columns(table: type[Rollup]) -> tuple[list[str], list[str]]:
    """Those of the key as `usage.fold` orders them, and those of the sums as it counts them."""
    others = [field.attname for field in table._meta.pk_fields if field.attname not in KEY_START]
    keys = [*KEY_START, *others]
    return keys, [field.attname for field in table._meta.concrete_fields if field.attname not in keys]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _added(sums: Sequence[str]) -> str:
    return ", ".join(f'CAST(SUM(r."{name}") AS bigint)' for name in sums)
