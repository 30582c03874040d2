"""What was said of an answer? For pages; routing learns from ratings elsewhere."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct

from feedback.intervals import Estimate, wilson
from feedback.models import Rating
from usage.selectors import served

LOOKED_BACK: Final = timedelta(days=30)
LOOKED_AT: Final = 500  # ratings, the newest


class Said(Struct, frozen=True):
    """The rating of one answer. `who` is a person's name, or empty where an application's key (or a person who is gone)
    gave it."""

    score: float
    comment: str
    at: datetime
    who: str
    key_id: int | None


def rating_of(request_id: UUID, tenant_id: int) -> Said | None:
    """What the request's tenant says of it, None: nothing; in one query by its unique index."""
    row = Rating.objects.select_related("person").filter(tenant_id=tenant_id, request_id=request_id).first()
    if row is None:
        return None
    return Said(row.score, row.comment, row.created_at, row.person.get_username() if row.person else "", row.key_id)


def ratings_of(requests: Collection[str], tenants: Collection[int]) -> dict[str, float]:
    """The score (-1 to 1) of each rated one of these requests (32 hex digits) of these tenants; by index."""
    if not requests:
        return {}
    rows = Rating.objects.filter(tenant_id__in=tenants, request_id__in=[UUID(one) for one in requests])
    return {request_id.hex: score for request_id, score in rows.order_by().values_list("request_id", "score")}


def opinions(before: datetime, tenants: Collection[int] | None) -> dict[str, Estimate]:
    """What these tenants (None: all) said in the 30 days before of each deployment's answers, on a scale of 0 to 1, by
    `provider/model`: of the newest 500 ratings, in two queries."""
    rows = Rating.objects.filter(created_at__gte=before - LOOKED_BACK, created_at__lt=before)
    if tenants is not None:
        rows = rows.filter(tenant_id__in=tenants)
    scores = dict(rows.order_by("-created_at").values_list("request_id", "score")[:LOOKED_AT])
    found: dict[str, list[float]] = {}
    for request_id, deployment in served(scores).items():
        found.setdefault(deployment, []).append((scores[request_id] + 1) / 2)
    return {name: wilson(sum(values) / len(values), len(values)) for name, values in found.items()}
