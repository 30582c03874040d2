"""/api/admin/audit-log: who changed what, newest first, by key sets: pages stay where they are as rows are added."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.dateparse import parse_datetime
from msgspec import Struct

from providers.models import AuditEntry
from routing.api.operator.documents import documented
from routing.api.operator.paging import MOST, USUAL, Filter, filtered, number
from routing.api.operator.resource import Reading, Rows, columns

LARGEST = 2**63 - 1


class AuditRow(Struct):
    """One change: `changes` maps a field to what it was and became; secrets are masked."""

    id: int
    at: datetime
    actor: str
    via: str
    address: str | None
    action: str
    kind: str
    object_id: str
    object_name: str
    changes: dict[str, Any]
    reason: str
    request_id: str


def instant(text: str) -> datetime:
    """An instant in ISO 8601 with its offset from UTC."""
    found = parse_datetime(text)
    if found is None or found.tzinfo is None:
        raise ValueError(text)
    return found


@documented(AuditRow)
class AuditLog(Reading):
    """Every change of the configuration. `before` takes the id from `next`; there is no total and no other order."""

    model = AuditEntry
    keyset = "before"
    filters = {
        **{name: Filter(name) for name in ("actor", "via", "action", "kind", "object_id", "object_name", "request_id")},
        "since": Filter("at__gte", instant, "an instant such as 2026-01-31T12:00:00Z"),
        "until": Filter("at__lt", instant, "an instant such as 2026-01-31T12:00:00Z"),
        "before": Filter("id__lt", int, "an id"),
    }
    orders: ClassVar[Mapping[str, str]] = {}

    def rows(self) -> QuerySet[Any]:
        self.operator.require_every_tenant("the audit log")
        return AuditEntry.objects.order_by("-id")

    def told(self, rows: Rows) -> Rows:
        return [AuditRow(id=row.pk, **columns(row, AuditRow.__struct_fields__[1:])) for row in rows]

    def list(self, request: HttpRequest) -> HttpResponse:
        self.operator.require(self.right("view"))
        limit = number(request.GET, "limit", USUAL, 1, MOST)
        if "before" in request.GET:
            number(request.GET, "before", 1, 1, LARGEST)
        found = list_of(filtered(self.rows(), request.GET, self.filters, "limit")[: limit + 1])
        rows, more = found[:limit], len(found) > limit
        query = urlencode({**request.GET.dict(), "before": rows[-1].pk}) if more else ""
        following = f"{request.path}?{query}" if more else None
        return self.json({"object": "list", "data": self.told(rows), "limit": limit, "next": following})


list_of = list
