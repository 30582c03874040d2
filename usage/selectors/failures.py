"""Which requests met an error of this class, or an attempt that failed there? The attempts are asked.

Most of these requests were rescued, so that their own status and error do not say it.
"""

from typing import Any, Final
from uuid import UUID

from django.db.models import Q
from django.db.models.expressions import RawSQL
from msgspec import Struct

from usage import ids
from usage.models import AttemptRecord, RequestRecord
from usage.ranges import TimeRange
from usage.selectors.whose import Whose, of

ANY: Final = "*"  # either part of a deployment's name, beside a class of error: the indexes are by that
# Conditions of partial indexes, word for word: SQLite takes them only so.
_UNANSWERED: Final = ~Q(status=RawSQL("'answered'", ()))


class Failing(Struct, frozen=True):
    """`error`: the class, of an attempt or of the request; `failed`: where the attempt was, `provider/model`, either of
    which may be `*` beside an error. None is no condition."""

    error: str | None
    failed: str | None
    whose: Whose = None


class Found(Struct, frozen=True):
    """Ids of requests in the order of time; `last`: where to go on, None at the end of the range."""

    keys: list[UUID]
    last: UUID | None


def failing(period: TimeRange, what: Failing, cursor: UUID | None, oldest: bool, limit: int) -> Found:
    """Up to `limit` requests behind the cursor, in two queries through indexes of failures alone."""
    if what.error is None:
        return _there(period, what, cursor, oldest, limit)
    found = {*_of_attempts(period, what, cursor, oldest, limit), *_of_requests(period, what, cursor, oldest, limit)}
    keys = sorted(found, reverse=not oldest)[:limit]
    return Found(keys, keys[-1] if len(keys) == limit else None)


def _there(period: TimeRange, what: Failing, cursor: UUID | None, oldest: bool, limit: int) -> Found:
    """Those with an attempt that failed at a deployment, whatever the error: in the order of the attempts' own ids,
    which are by time too and all that the index has. Several attempts may be of one request."""
    low, high = period.id_bounds
    rows = of(AttemptRecord.objects.all(), what.whose).filter(id__gte=low, id__lt=high, deployment=what.failed)
    rows = rows.filter(_UNANSWERED, status__in=("failed", "interrupted"))
    if cursor:
        first, last = ids.attempt_bounds(cursor)
        rows = rows.filter(id__gt=last) if oldest else rows.filter(id__lt=first)
    read = list(rows.order_by("id" if oldest else "-id").values_list("request_id", flat=True)[:limit])
    keys = list(dict.fromkeys(read))
    return Found(keys, keys[-1] if len(read) == limit else None)


def _of_attempts(period: TimeRange, what: Failing, cursor: UUID | None, oldest: bool, limit: int) -> list[UUID]:
    low, high = period.id_bounds
    # No bound of `id`, which would choose the partitions: the index does not hold it, and answers alone without.
    rows = of(AttemptRecord.objects.all(), what.whose)
    rows = rows.filter(error=what.error, request_id__gte=low, request_id__lt=high)
    rows = rows.filter(_at(what.failed), **_behind("request_id", cursor, oldest))
    order = "request_id" if oldest else "-request_id"
    return list(rows.order_by(order).values_list("request_id", flat=True).distinct()[:limit])


def _of_requests(period: TimeRange, what: Failing, cursor: UUID | None, oldest: bool, limit: int) -> list[UUID]:
    """Those that ended with this class: refused before anybody was asked, for one."""
    if what.failed or not what.error:
        return []
    low, high = period.id_bounds
    rows = of(RequestRecord.objects.all(), what.whose).filter(id__gte=low, id__lt=high, error=what.error)
    order = "id" if oldest else "-id"
    return list(rows.filter(**_behind("id", cursor, oldest)).order_by(order).values_list("id", flat=True)[:limit])


def _behind(column: str, cursor: UUID | None, oldest: bool) -> dict[str, Any]:
    return {f"{column}__{'gt' if oldest else 'lt'}": cursor} if cursor else {}


def _at(name: str | None) -> Q:
    """By the name alone, which the index holds."""
    provider, _, model = (name or f"{ANY}/{ANY}").partition("/")
    if provider == ANY:
        return Q() if model == ANY else Q(deployment__endswith=f"/{model}")
    return Q(deployment__startswith=f"{provider}/") if model == ANY else Q(deployment=name)
