"""Which requests of a window have what no index knows? The first so many that fit the other filters are looked at.

That bounds what a rare combination costs: a page reads one window, by the index that the other filters have, and its
cursor goes on where the window ended. The bounds and the order are the database's work: ten thousand rows would take
longer to come here than to be found. Tags are compared here, as SQLite has no operator for them.
"""

from typing import Any, Final
from uuid import UUID

import msgspec
from django.db import connection
from django.db.models import BooleanField, Case, QuerySet, Value, When
from msgspec import Struct

from usage.models import RequestRecord
from usage.selectors.requestfilter import RequestFilter

WINDOW: Final = 10_000
_tags = msgspec.json.Decoder(list[str]).decode


class Looked(Struct, frozen=True):
    """`keys` of the `number` that were looked at fit, in their order; `last` ended the window, None: it was cut."""

    keys: list[UUID]
    number: int
    last: UUID | None


def look(
    rows: "QuerySet[RequestRecord]", chosen: RequestFilter, window: int, limit: int, figure: str = "", up: bool = False
) -> Looked:
    """Up to `limit` of the first `window` rows, in the order of their ids, or the greatest of a figure that is known.

    `rows` are those that the indexed filters leave, ordered by id: from below with `up`.
    """
    tagged = chosen.tag is not None
    columns = ("id", "fits", *filter(None, (figure, "tags" if tagged else "")))
    inner, params = rows.annotate(fits=_fits(chosen)).values(*columns)[:window].query.sql_with_params()
    known = f"(fits AND {figure or 'id'} IS NOT NULL)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, {known}, place = looked, looked{', tags' if tagged else ''} FROM (SELECT newest.*,"
            f" COUNT(*) OVER () AS looked, ROW_NUMBER() OVER (ORDER BY id {'ASC' if up else 'DESC'}) AS place"
            f" FROM ({inner}) AS newest) AS numbered WHERE {known} OR place = looked"
            f" ORDER BY {f'{figure} DESC NULLS LAST, ' if figure else ''}place LIMIT %s",
            # One more row may be the window's last.
            (*params, window if tagged else limit + 1),
        )
        return _looked(cursor.fetchall(), chosen.tag, limit)


def has_tag(tags: list[str], tag: str) -> bool:
    """Whether it is among them; '' stands for requests that have none."""
    return tag in tags if tag else not tags


def _fits(chosen: RequestFilter) -> Case | Value:
    bounds = chosen.bounds
    return Case(When(bounds, then=Value(True)), default=Value(False)) if bounds else Value(True, BooleanField())


def _looked(found: list[tuple[Any, ...]], tag: str | None, limit: int) -> Looked:
    keys, last = list[UUID](), None
    for row_id, fits, ends, _, *tags in found:
        key = row_id if isinstance(row_id, UUID) else UUID(row_id)
        last = key if ends else last
        if fits and (tag is None or has_tag(_tags(tags[0]), tag)):
            keys.append(key)
    return Looked(keys[:limit], found[0][3] if found else 0, last)
