"""How did each deployment fail last?"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from django.db.models import OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Concat
from msgspec import Struct

from providers.selectors import deployments_near
from usage import ids
from usage.models import AttemptRecord
from usage.ranges import TimeRange
from usage.selectors.whose import Whose, of

FAILED: Final = ("failed", "interrupted")  # what is counted as failed, streams that broke off among it


class LastError(Struct, frozen=True):
    """The newest failed attempt at a deployment: when its request came, and its class in the tree of errors."""

    deployment: str
    request_id: str
    at: datetime
    error: str
    message: str


def last_errors(period: TimeRange, deployments: Collection[str], whose: Whose = None) -> list[LastError]:
    """One for each of these deployments that failed in the range and is still there, the latest first; one query."""
    called = Concat("provider__name", Value("/"), "model__name")
    named = deployments_near(deployments).annotate(called=called).filter(called__in=deployments)
    newest = Subquery(_failed(period, whose).filter(deployment=OuterRef("called")).order_by("-id").values("id")[:1])
    rows = AttemptRecord.objects.filter(id__in=named.order_by().values(last=newest)).order_by("-id")
    return [_told(row) for row in rows]


def _failed(period: TimeRange, whose: Whose) -> "QuerySet[AttemptRecord]":
    # The exclusion is the condition of the index that this walks.
    low, high = period.id_bounds
    rows = AttemptRecord.objects.exclude(status="answered").filter(status__in=FAILED, id__gte=low, id__lt=high)
    return of(rows, whose)


def _told(row: AttemptRecord) -> LastError:
    request_id = row.request_id.hex
    at = datetime.fromtimestamp(ids.instant_ms(request_id) / 1000, UTC)
    return LastError(row.deployment, request_id, at, row.error or "failed", row.error_message or "")
