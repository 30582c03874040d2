"""The admin page of budgets: what may be spent, what was, and what lost workers still hold."""

from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from providers.adminbase import AuditedAdmin
from providers.apartfilter import LeavesOutApart
from providers.barred import takes
from providers.formfields import LinesField, reason_field
from providers.revisions import TENANTS
from tenants.adminrows import RowsInSight, TenantFilter
from tenants.budgets import RAISE, Budget, BudgetWindow, amount_text, usual_alerts
from tenants.models import apart
from tenants.selectors import state_of
from tenants.settling import release_lost

LONGEST_PERIOD = timedelta(days=32)


class PercentsField(LinesField):
    """Whole percents on one line, separated by commas."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[Any]:
        return [int(each) if each.isdecimal() else each for each in super().to_python(_texts(value))]


def _texts(value: Any) -> Any:
    return [str(each) for each in value] if isinstance(value, list) else value


class BudgetForm(forms.ModelForm):
    alerts = PercentsField(
        good="50, 80, 100",
        required=False,
        initial=usual_alerts,
        widget=UnfoldAdminTextInputWidget,
        help_text="Percent of the limit, e.g. 50, 80, 100. Empty: no alert.",
    )

    reason = reason_field()

    class Meta:
        model = Budget
        exclude: list[str] = []

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        key, tenant = given.get("key"), given.get("tenant")
        if tenant is None and self.instance.tenant_id is not None:
            tenant = self.instance.tenant
        if key and tenant and key.tenant_id != tenant.pk:
            raise ValidationError(
                {"key": f"{key} is no key of {tenant}; choose one of its own, or none for all of them."}
            )
        return given


class BudgetColumns:
    """What a list of budgets shows."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        since = int((timezone.now() - LONGEST_PERIOD).timestamp())
        recent = BudgetWindow.objects.filter(Q(start=0) | Q(start__gte=since))
        return rows.prefetch_related(Prefetch("windows", recent, to_attr="recent"))

    @display(description="Limit")
    def limit_text(self, row: Budget) -> str:
        return f"{row.limit_text} {'in total' if row.period == 'total' else f'per {row.period}'}"

    @display(description="Counts")
    def counts(self, row: Budget) -> str:
        parts = (f"key {row.key.name}" if row.key else "", f"tag {row.tag}" if row.tag else "")
        return ", ".join(part for part in parts if part) or "everything"

    @display(description="Spent")
    def spent(self, row: Any) -> str:
        if row.pk is None:
            return "—"
        state = state_of(row, row.recent, timezone.now())
        return f"{amount_text(state.unit, state.spent)} ({state.used_percent:.0f} %)"

    @display(description="Reserved")
    def reserved(self, row: Any) -> str:
        return "—" if row.pk is None else amount_text(row.unit, state_of(row, row.recent, timezone.now()).reserved)


class BudgetAdmin(LeavesOutApart, BudgetColumns, RowsInSight, AuditedAdmin):
    theirs = apart("tenant__")
    part = TENANTS
    form = BudgetForm
    autocomplete_fields: ClassVar[list[str]] = ["tenant", "key"]
    actions: ClassVar[list[str]] = ["release"]
    list_display: ClassVar[list[str]] = ["limit_text", "tenant", "counts", "kind", "spent", "reserved"]
    list_filter: ClassVar[list[Any]] = ["period", "kind", ("tenant", TenantFilter)]
    list_select_related: ClassVar[list[str]] = ["tenant", "key"]
    search_fields: ClassVar[list[str]] = ["tenant__name", "tag"]
    readonly_fields: ClassVar[list[str]] = ["spent", "reserved"]
    fieldsets: ClassVar[list[Any]] = [
        (None, {"fields": ["tenant", ("key", "tag"), ("limit_usd", "limit_tokens"), ("period", "kind")]}),
        ("Now", {"fields": [("spent", "reserved")]}),
        ("When little is left", {"fields": ["alerts", ("low_percent", "low_policy"), "unpriced"]}),
        (None, {"fields": ["reason"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """What was counted stays what it was counted for; only who may raise it lets more be spent."""
        if obj is None:
            return self.readonly_fields
        fixed = () if request.user.has_perm(RAISE) else obj.fixed_without_raise
        return list(dict.fromkeys([*self.readonly_fields, "tenant", "key", "tag", "period", *fixed]))

    @takes("the rights to delete and to raise budgets")
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Without a budget more may be spent than with it."""
        return super().has_delete_permission(request, obj) and request.user.has_perm(RAISE)

    @admin.action(description="Release what lost workers hold", permissions=["change"])
    def release(self, request: HttpRequest, queryset: QuerySet[Budget]) -> None:
        count = release_lost(queryset.values_list("pk", flat=True), timezone.now())
        for row in queryset if count else ():
            self.note(request, "changed", row, {"leases": ["held by lost workers", "released"]})
        self.message_user(request, f"{count} leases of workers that were not heard of for an hour are released.")
