"""What came last with any of some keys? Each key's newest by its index, then the newest of these; one query."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import connection
from msgspec import structs

from usage.models import RequestRecord
from usage.ranges import TimeRange
from usage.selectors.requestfilter import RequestFilter, matching
from usage.selectors.requests import Listed, by_id


def newest_of_keys(period: TimeRange, chosen: RequestFilter, keys: Collection[int], limit: int) -> list[Listed]:
    """The newest requests of these keys that fit `chosen`, whatever key that names; at most some hundred keys."""
    if not keys:
        return []
    low, high = period.id_bounds
    parts: list[str] = []
    values: list[Any] = []
    for number, key in enumerate(sorted(keys)):
        rows = matching(structs.replace(chosen, key_id=key)).filter(id__gte=low, id__lt=high)
        sql, params = rows.order_by("-id").values("id")[:limit].query.sql_with_params()
        parts.append(f"SELECT id FROM ({sql}) AS k{number}")
        values += params
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        found = sorted((UUID(str(key)) for (key,) in cursor.fetchall()), reverse=True)
    return by_id(RequestRecord.objects.all(), found[:limit])
