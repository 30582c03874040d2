"""When was a client key last used? From the records that are kept; what waits in the journal is not seen yet."""

from collections.abc import Collection
from datetime import UTC, datetime

from django.db.models import OuterRef, Subquery

from tenants.models import ClientKey
from usage.models import RequestRecord


def last_uses(keys: Collection[int]) -> dict[int, datetime]:
    """The start of the newest request of each key that has one: an index look-up per key, in one query."""
    newest = RequestRecord.objects.filter(key_id=OuterRef("pk")).order_by("-id").values("started_us")[:1]
    rows = ClientKey.objects.filter(pk__in=keys).order_by().annotate(newest=Subquery(newest))
    found = rows.exclude(newest=None).values_list("pk", "newest")
    return {pk: datetime.fromtimestamp(started_us / 1e6, UTC) for pk, started_us in found}
