"""How do rows get into the database fast, and each once? By COPY and staging on PostgreSQL, executemany on SQLite.

Everything here runs inside the caller's transaction. Table and column names are ours, never a caller's.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from django.db import connection
from django.db.models import Model

from usage.fold import Cells
from usage.rollups import Rollup
from usage.rows import Row

KEY_START: Final = ("tenant_id", "grain", "bucket")


def insert_new(model: type[Model], columns: Sequence[str], rows: dict[str, Row]) -> set[str]:
    """Insert the rows whose id (32 hex digits, first column) is not there yet; return the ids of these."""
    table, names = model._meta.db_table, ", ".join(f'"{column}"' for column in columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            stage = _stage(cursor, table, names, rows.values())
            cursor.execute(
                f"INSERT INTO {table} ({names}) SELECT {names} FROM {stage} ON CONFLICT (id) DO NOTHING RETURNING id"
            )
            return {found.hex for (found,) in cursor.fetchall()}
        # The transaction holds SQLite's only write lock: what is absent now stays absent until it ends.
        cursor.execute(
            f"SELECT id FROM {table} WHERE id IN (SELECT value FROM json_each(%s))",
            [msgspec.json.encode(list(rows)).decode()],
        )
        fresh = rows.keys() - {found for (found,) in cursor.fetchall()}
        cursor.executemany(_insert(table, names, len(columns)), [rows[key] for key in rows if key in fresh])
    return fresh


def insert(model: type[Model], columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert rows that are known to be new."""
    table, names = model._meta.db_table, ", ".join(f'"{column}"' for column in columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            _copy(cursor, table, names, rows)
        elif rows:
            cursor.executemany(_insert(table, names, len(columns)), rows)


def add(model: type[Rollup], cells: Cells) -> None:
    """Add the sums to those in the table; cells are keyed by `KEY_START` and the primary key's other columns."""
    if not cells:
        return
    table, others = model._meta.db_table, [field.attname for field in model._meta.pk_fields]
    keys = [*KEY_START, *(column for column in others if column not in KEY_START)]
    sums = [field.attname for field in model._meta.concrete_fields if field.attname not in keys]
    names = ", ".join(keys + sums)
    update = ", ".join(f"{column} = {table}.{column} + excluded.{column}" for column in sums)
    merge = f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {update}"
    # In the order of the key: two shippers then wait for each other instead of locking each other out.
    rows = [(*key, *cells[key]) for key in sorted(cells)]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            stage = _stage(cursor, table, names, rows)
            order = ", ".join(keys)
            cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM {stage} ORDER BY {order} {merge}")
        else:
            cursor.executemany(f"{_insert(table, names, len(keys) + len(sums))} {merge}", rows)


def _insert(table: str, names: str, width: int) -> str:
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * width)})"


def _stage(cursor: Any, table: str, names: str, rows: Iterable[Row]) -> str:
    """Copy rows into a temporary table of this session that is empty again after the transaction."""
    stage = f"stage_{table}"
    cursor.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {stage} (LIKE {table}) ON COMMIT DELETE ROWS")
    _copy(cursor, stage, names, rows)
    return stage


def _copy(cursor: Any, table: str, names: str, rows: Iterable[Row]) -> None:
    with connection.wrap_database_errors, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
