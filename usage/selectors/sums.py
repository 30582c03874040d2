"""How are rollups read? One query per question, of the fewest rows that make the range up."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from django.db import connection

from usage.ranges import Span, TimeRange, cover
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
    few: tuple[str, Collection[int | str]] | None = None,
    sums: Sequence[str],
) -> Iterator[tuple[int, Row, list[int]]]:
    """Yield (position of the bucket, values of `group`, sums); what has no rows is left out.

    None in `where` is no bound; `only` names the values that a column may have; `few` groups by these values of a
    column, and by None for all others; `level` is the condition, in SQL, by which sums are told from what they sum up.
    Table and column names are the code's own, never a caller's.
    """
    spans = [(position, span) for position, bucket in enumerate(buckets) for span in cover(*bucket.seconds)]
    if not spans:
        return
    bounds = {column: value for column, value in (where or {}).items() if value is not None}
    among = {column: list(values) for column, values in (only or {}).items()}
    conditions = [sql_of(tenant), *([level] if level else []), *(f"r.{column} = %s" for column in bounds)]
    conditions += [f"r.{column} IN ({', '.join(['%s'] * len(values)) or 'NULL'})" for column, values in among.items()]
    source, values = table._meta.db_table, [*bounds.values(), *chain(*among.values())]
    if few is not None:
        source, group, values = _few(source, few[0], len(few[1])), (*group, "few"), [*few[1], *values]
    rows = f"{source} r WHERE {' AND '.join(conditions)}"
    with connection.cursor() as cursor:
        if group and (len(buckets) == 1 or few is not None) and connection.vendor == "postgresql":
            cursor.execute(_written_out(rows, spans, group, sums), values * len(spans))
        else:
            cursor.execute(_joined(rows, spans, group, sums), values)
        for position, *rest in cursor.fetchall():
            yield position, tuple(rest[: len(group)]), rest[len(group) :]


def _few(table: str, column: str, number: int) -> str:
    """The rows with a further column: the value where it is one of so many parameters, else NULL."""
    among = ", ".join(["%s"] * number) or "NULL"
    return f"(SELECT t.*, CASE WHEN t.{column} IN ({among}) THEN t.{column} END AS few FROM {table} t)"


def _joined(rows: str, spans: Sequence[tuple[int, Span]], group: Sequence[str], sums: Sequence[str]) -> str:
    keys = ", ".join(["span.position", *(f"r.{column}" for column in group)])
    values = ", ".join(_sum(column) for column in sums)
    listed = ", ".join(f"({position}, {span.grain}, {span.low}, {span.high})" for position, span in spans)
    within = f"{rows} AND r.grain = span.grain AND r.bucket >= span.low AND r.bucket < span.high"
    # Few spans, each an index range, in that order: CROSS JOIN says so to SQLite; PostgreSQL would rather read all and
    # hash it, and is held back by a lateral query with sums of its own, which fit into a hash table per span.
    source = within
    if connection.vendor == "postgresql":
        source = f"LATERAL ({_apart(within, group, sums)}) r"
    return (
        f"WITH span(position, grain, low, high) AS (VALUES {listed})"
        f" SELECT {keys}, {values} FROM span CROSS JOIN {source} GROUP BY {keys}"
    )


def _written_out(rows: str, spans: Sequence[tuple[int, Span]], group: Sequence[str], sums: Sequence[str]) -> str:
    """The same where thousands of rows may answer: a range as a whole, or each value beside a few. From bounds that
    stand in the query itself, PostgreSQL knows how many, and hashes them instead of sorting them."""
    keys = ", ".join(["r.position", *(f"r.{column}" for column in group)])
    parts = (
        _apart(
            f"{rows} AND r.grain = {span.grain} AND r.bucket >= {span.low} AND r.bucket < {span.high}",
            group,
            sums,
            f"{position} AS position",
        )
        for position, span in spans
    )
    return f"SELECT {keys}, {', '.join(map(_sum, sums))} FROM ({' UNION ALL '.join(parts)}) r GROUP BY {keys}"


def _apart(rows: str, group: Sequence[str], sums: Sequence[str], *more: str) -> str:
    """The sums of one span; no row where there are none."""
    columns = ", ".join([*more, *(f"r.{column}" for column in group), *(f"{_sum(name)} AS {name}" for name in sums)])
    grouped = f"GROUP BY {', '.join(f'r.{column}' for column in group)}" if group else "HAVING COUNT(*) > 0"
    return f"SELECT {columns} FROM {rows} {grouped}"


def _sum(column: str) -> str:
    return f"CAST(SUM(r.{column}) AS bigint)"
