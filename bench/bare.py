"""How do very many rows get into tables quickly? Without indexes, which are built when all is there.

Records keep their primary key, whose order is that in which they come; so do sums on SQLite, which cannot be without.
"""

from typing import Any, Final

from django.db import connection
from django.db.models import Model

from usage.models import AttemptRecord, RequestRecord
from usage.rollups import OF_REQUESTS

TABLES: Final[tuple[type[Model], ...]] = (RequestRecord, AttemptRecord, *OF_REQUESTS)


def strip() -> None:
    """Drop what `unkeyed` and `indexes` name."""
    with connection.schema_editor() as editor:
        for table, name in indexes():
            editor.remove_index(table, _index(table, name))
        for table in unkeyed():
            editor.execute(f"ALTER TABLE {table._meta.db_table} DROP CONSTRAINT {_key(table)}")


def unkeyed() -> list[type[Model]]:
    """The tables that are without a primary key meanwhile."""
    return list(OF_REQUESTS) if connection.vendor == "postgresql" else []


def indexes() -> list[tuple[type[Model], str]]:
    """Each index, by its table and name."""
    return [(table, index.name) for table in TABLES for index in table._meta.indexes]


def make_key(table: type[Model]) -> None:
    columns = ", ".join(field.attname for field in table._meta.pk_fields)
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute(f"ALTER TABLE {table._meta.db_table} ADD CONSTRAINT {_key(table)} PRIMARY KEY ({columns})")


def make_index(table: type[Model], name: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET maintenance_work_mem = '512MB'")
    with connection.schema_editor() as editor:
        editor.add_index(table, _index(table, name))


def _key(table: type[Model]) -> str:
    return f"{table._meta.db_table}_pkey"


def _index(table: type[Model], name: str) -> Any:
    return next(index for index in table._meta.indexes if index.name == name)
