"""What was said, in a table of its own, of tenants that keep it: written by the shipper, compressed, read one by one.

It is no part of the record, which outlives it. Unlike records it is deleted by row: how long it is kept is each
tenant's to say, to the day, and a shorter time, or none, holds for what is there already.
"""

import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import models

from tenants.models import Tenant
from usage import ids, spool
from usage.outcomes import Kept, Outcome

BODY_COLUMNS: Final = ("id", "tenant_id", "prompt", "answer", "cut")


class RequestBody(models.Model):
    """Prompt and answer of a request, each compressed with zlib."""

    id = models.UUIDField(primary_key=True)  # the request's
    tenant_id = models.BigIntegerField()
    prompt = models.BinaryField()
    answer = models.BinaryField()
    cut = models.BooleanField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["tenant_id", "id"], name="body_tenant")]  # by which they are deleted

    def __str__(self) -> str:
        return f"req_{self.id.hex}"


def body_row(outcome: Outcome, kept: Kept) -> tuple[Any, ...]:
    """The values of `BODY_COLUMNS`."""
    return (outcome.id, outcome.tenant_id, zlib.compress(kept.prompt), zlib.compress(kept.answer), kept.cut)


def kept_days() -> dict[int, int]:
    """How many days each tenant keeps them; those that keep none are missing."""
    return dict(Tenant.objects.filter(keep_bodies_days__gt=0).values_list("pk", "keep_bodies_days"))


def oldest_kept(now: datetime, days: int) -> UUID:
    """The first id of those that a tenant still keeps."""
    return ids.first_id(int((now - timedelta(days=days)).timestamp() * 1000))


def body_of(request_id: UUID, tenant_id: int, days: int, now: datetime, directory: Path | None = None) -> Kept | None:
    """What was said in a request of this tenant, that keeps it for `days`; shipped or not. None: it is not there."""
    if request_id < oldest_kept(now, days):
        return None
    found = spool.find_journalled(directory or Path(settings.VAR_DIR) / spool.NAME, request_id)
    if found is not None and found.tenant_id == tenant_id and found.kept is not None:
        return found.kept
    row = RequestBody.objects.filter(pk=request_id, tenant_id=tenant_id).first()
    return Kept(zlib.decompress(row.prompt), zlib.decompress(row.answer), row.cut) if row else None


def deletions(now: datetime, keep: timedelta, days: Mapping[int, int]) -> list[tuple[str, list[Any]]]:
    """Conditions, with their parameters, that name all rows which nobody keeps any more; records go after `keep`."""
    found: list[tuple[str, list[Any]]] = []
    for tenant_id, count in days.items():
        oldest = oldest_kept(now, min(count, keep.days))
        found.append(("tenant_id = %s AND id < %s", [tenant_id, oldest]))
    others = RequestBody.objects.exclude(tenant_id__in=days).order_by().values_list("tenant_id", flat=True).distinct()
    return found + [("tenant_id = %s", [tenant_id]) for tenant_id in others]
