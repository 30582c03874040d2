"""How are rollups read? One query per question, of the fewest rows that make the range up."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from django.db import connection

from usage.ranges import TimeRange, cover
from usage.rollups import ALL_TENANTS, Rollup
from usage.selectors.whose import sql_of

Row = tuple[Any, ...]


def read(
    table: type[Rollup],
    buckets: Sequence[TimeRange],
    *,
    tenant: int | frozenset[int] = ALL_TENANTS,
    where: Mapping[str, int | str | None] | None = None,
    level: str = "",
    only: Mapping[str, Collection[int | str]] | None = None,
    group: Sequence[str] = (),
    sums: Sequence[str],
) -> Iterator[tuple[int, Row, list[int]]]:
    """Yield (position of the bucket, values of `group`, sums); what has no rows is left out.

    None in `where` is no bound; `only` names the values that a column may have; `level` is the condition, in SQL, by
    which sums are told from what they sum up. Table and column names are the code's own, never a caller's.
    """
    spans = _spans(buckets)
    if not spans:
        return
    bounds = {column: value for column, value in (where or {}).items() if value is not None}
    among = {column: list(values) for column, values in (only or {}).items()}
    conditions = [sql_of(tenant), *([level] if level else []), *(f"r.{column} = %s" for column in bounds)]
    conditions += [f"r.{column} IN ({', '.join(['%s'] * len(values)) or 'NULL'})" for column, values in among.items()]
    with connection.cursor() as cursor:
        cursor.execute(
            _sql(table, spans, " AND ".join(conditions), group, sums), [*bounds.values(), *chain(*among.values())]
        )
        for position, *rest in cursor.fetchall():
            yield position, tuple(rest[: len(group)]), rest[len(group) :]


def _sql(table: type[Rollup], spans: str, condition: str, group: Sequence[str], sums: Sequence[str]) -> str:
    keys = ", ".join(["span.position", *(f"r.{column}" for column in group)])
    values = ", ".join(_sum(column) for column in sums)
    within = "r.grain = span.grain AND r.bucket >= span.low AND r.bucket < span.high"
    rows = f"{table._meta.db_table} r WHERE {condition} AND {within}"
    # Few spans, each an index range, in that order: CROSS JOIN says so to SQLite; PostgreSQL would rather read all and
    # hash it, and is held back by a lateral query with sums of its own, which fit into a hash table per span.
    if connection.vendor == "postgresql":
        parts = ", ".join([*(f"r.{column}" for column in group), *(f"{_sum(column)} AS {column}" for column in sums)])
        apart = f"GROUP BY {', '.join(f'r.{column}' for column in group)}" if group else "HAVING COUNT(*) > 0"
        rows = f"LATERAL (SELECT {parts} FROM {rows} {apart}) r"
    return (
        f"WITH span(position, grain, low, high) AS (VALUES {spans})"
        f" SELECT {keys}, {values} FROM span CROSS JOIN {rows} GROUP BY {keys}"
    )


def _sum(column: str) -> str:
    return f"CAST(SUM(r.{column}) AS bigint)"


def _spans(buckets: Sequence[TimeRange]) -> str:
    """SQL rows (position, grain, low, high)."""
    return ", ".join(
        f"({position}, {span.grain}, {span.low}, {span.high})"
        for position, bucket in enumerate(buckets)
        for span in cover(*bucket.seconds)
    )
