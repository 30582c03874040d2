"""/api/admin/tenants: who may call, what and how much."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from msgspec import Struct

from providers.revisions import TENANTS
from routing.api.operator.applying import OneChange, fields_of
from routing.api.operator.documents import documented
from routing.api.operator.paging import Filter, flag
from routing.api.operator.resource import Resource, Rows, columns
from routing.configfile import schema
from routing.configfile.budgetpart import exported_budgets
from routing.configfile.tenantpart import put_tenants
from tenants.callers import LIMITS
from tenants.models import Budget, ClientKey, Tenant
from tenants.selectors import tenants_in

LIVE = Q(keys__revoked_at=None)


class TenantRow(Struct):
    """A tenant as it is kept; a limit that is null is unlimited, `keys` is how many are not revoked."""

    id: int
    name: str
    enabled: bool
    limits: dict[str, int | None]
    allow: dict[str, list[str]]
    default_policy: str
    time_zone: str
    explain: bool
    keep_bodies_days: int
    budgets: list[dict[str, Any]]
    keys: int
    created_at: datetime


class TenantBody(schema.TenantFields):
    """A tenant; what is left out stays. Budgets are known by unit, period, key and tag; others stay."""


@documented(
    TenantRow,
    {"name": "team-a", "limits": {"requests_per_minute": 600}, "allow": {"models": ["gpt-*"]}},
    {"budgets": [{"usd": 25, "period": "month"}], "reason": "agreed with finance"},
)
class Tenants(Resource):
    """Teams, products and customers."""

    model, part, body = Tenant, TENANTS, TenantBody
    place = "tenants[0]"
    filters = {"name": Filter("name"), "q": Filter("name__icontains"), "enabled": flag("enabled")}
    orders = {"name": "name", "id": "id", "created_at": "created_at"}

    def rows(self) -> QuerySet[Any]:
        live = Count("keys", filter=LIVE)
        return tenants_in(self.operator.sight).annotate(live=live)

    def told(self, rows: Rows) -> Rows:
        budgets: dict[int, list[Budget]] = defaultdict(list)
        for budget in Budget.objects.filter(tenant__in=[row.pk for row in rows]).select_related("key"):
            budgets[budget.tenant_id].append(budget)
        same = ("name", "enabled", "default_policy", "time_zone", "explain", "keep_bodies_days", "created_at")
        return [
            TenantRow(
                id=row.pk,
                limits=columns(row, LIMITS),
                allow={"models": row.allow_models, "policies": row.allow_policies},
                budgets=exported_budgets(budgets[row.pk]),
                keys=row.live,
                **columns(row, same),
            )
            for row in rows
        ]

    def create(self, request: HttpRequest) -> HttpResponse:
        self.operator.require_every_tenant("a new tenant")  # who sees some would not see it
        return super().create(request)

    def rights(self, body: Any) -> tuple[str, ...]:
        return ("tenants.add_budget", "tenants.change_budget") if body.budgets else ()

    def why_kept(self, row: Any) -> str:
        live = ClientKey.objects.filter(tenant=row, revoked_at=None).exclude(expires_at__lte=timezone.now()).count()
        return (
            f"{live} of its keys are in use: revoke them first, so that nobody is cut off"
            if live
            else super().why_kept(row)
        )

    def write(self, changes: OneChange, body: Any) -> None:
        put_tenants(changes, [schema.Tenant(**fields_of(body))])
