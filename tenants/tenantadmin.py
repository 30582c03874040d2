"""The admin page of tenants: what they may, their limits, and in tabs their members, keys and budgets."""

from typing import Any

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action, display

from providers.adminbase import ListedAdmin, Switchable
from providers.admininside import ListedInside
from providers.admintabs import FetchedTab
from providers.apartfilter import LeavesOutApart
from providers.barred import takes
from providers.revisions import TENANTS
from tenants.adminforms import TenantForm
from tenants.adminrows import RowsInSight
from tenants.budgetadmin import BudgetColumns
from tenants.budgets import RAISE, fixes_zone
from tenants.keyadmin import LIMIT_FIELDS, KeyColumns
from tenants.memberadmin import MemberInline
from tenants.models import Budget, ClientKey, Tenant, apart
from tenants.sight import sight_of


class KeysInside(ListedInside, KeyColumns, RowsInSight, ListedAdmin):
    """The keys of a tenant, to read; they are made and ended on their own pages."""

    owner = "tenant_id"
    list_display = ["name", "shown", "status", "ends", "may"]
    search_fields = ["name", "prefix"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(lent_to=None)


class BudgetsInside(ListedInside, BudgetColumns, RowsInSight, ListedAdmin):
    """The budgets of a tenant, to read."""

    owner = "tenant_id"
    list_display = ["limit_text", "counts", "kind", "spent", "reserved"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("tenant", "key")


class KeysOfTenant(FetchedTab):
    model = ClientKey
    model_admin = KeysInside


class BudgetsOfTenant(FetchedTab):
    model = Budget
    model_admin = BudgetsInside


class TenantAdmin(LeavesOutApart, RowsInSight, Switchable):
    theirs = apart()
    part = TENANTS
    tenant_path = "pk"
    ordering = ["name"]  # the model's own is lost where keys are counted
    form = TenantForm
    inlines = [MemberInline]
    change_form_datasets = [KeysOfTenant, BudgetsOfTenant]
    actions_detail = ["new_key"]
    list_display = ["name", "enabled", "default_policy", "models_allowed", "limits", "live_keys"]
    list_filter = ["enabled"]
    search_fields = ["name"]
    readonly_fields = ["created_at"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("name", "enabled"),
                    "default_policy",
                    "allow_models",
                    "allow_policies",
                    ("time_zone", "explain"),
                    "keep_bodies_days",
                    "reason",
                ]
            },
        ),
        ("Limits, shared by all keys", {**LIMIT_FIELDS, "classes": ["tab"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        counted = Q(keys__revoked_at=None, keys__lent_to=None)
        return super().get_queryset(request).annotate(keys_count=Count("keys", filter=counted))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What lets more be spent is changed by who may raise budgets."""
        moves = obj is None or request.user.has_perm(RAISE) or not fixes_zone(obj)
        return self.readonly_fields if moves else [*self.readonly_fields, "time_zone"]

    @takes("the rights to add tenants and to see every one")
    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who sees some tenants would not see the new one."""
        return super().has_add_permission(request) and sight_of(request.user) is None

    @display(description="Models")
    def models_allowed(self, row: Tenant) -> str:
        return ", ".join(row.allow_models) or "none"

    @display(description="Requests per minute / day")
    def limits(self, row: Tenant) -> str:
        pair = (row.requests_per_minute, row.requests_per_day)
        return " / ".join("unlimited" if limit is None else f"{limit:,}" for limit in pair)

    @display(description="Keys", ordering="keys_count")
    def live_keys(self, row: Any) -> int:
        return row.keys_count

    @action(description="New client key", url_path="new-key", icon="key", permissions=["view"])
    def new_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        tenant = self.row(request, object_id)
        return HttpResponseRedirect(f"{reverse('admin:tenants_clientkey_add')}?tenant={tenant.pk}")
