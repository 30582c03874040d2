"""The admin page of those who are told of budgets and findings, and what became of each message to them."""

from typing import Any, ClassVar

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from unfold.decorators import display

from providers.adminbase import ListedAdmin, Switchable
from providers.admininside import ListedInside
from providers.admintabs import FetchedTab
from providers.apartfilter import LeavesOutApart
from tenants.adminrows import RowsInSight, TenantFilter
from tenants.alertforms import ReceiverForm
from tenants.alertrows import AlertDelivery, AlertReceiver
from tenants.budgets import Budget
from tenants.models import apart
from tenants.sight import sight_of

STATES: dict[str, str] = {"Waiting": "warning", "Sent": "success", "Given up": "danger"}


class MessagesInside(ListedInside, RowsInSight, ListedAdmin):
    """The messages to a receiver, the newest first, each with its last error."""

    owner = "receiver_id"
    tenant_path = "receiver__tenant_id"
    list_display: ClassVar[list[str]] = ["at", "said", "status", "tries", "came_of_it"]

    @display(description="Written", ordering="created_at")
    def at(self, row: AlertDelivery) -> Any:
        return row.created_at

    @display(description="Message")
    def said(self, row: AlertDelivery) -> str:
        return str(row.message.get("text", ""))

    @display(description="State", label=STATES)
    def status(self, row: AlertDelivery) -> str:
        return str(row.get_state_display())

    @display(description="Answer")
    def came_of_it(self, row: AlertDelivery) -> str:
        return row.problem or row.answer or "—"


class MessagesTo(FetchedTab):
    model = AlertDelivery
    model_admin = MessagesInside


class AlertReceiverAdmin(LeavesOutApart, RowsInSight, Switchable):
    theirs = apart("tenant__")
    form = ReceiverForm
    autocomplete_fields: ClassVar[list[str]] = ["tenant", "budget"]
    change_form_datasets: ClassVar[list[Any]] = [MessagesTo]
    list_display: ClassVar[list[str]] = ["name", "tenant", "kind", "shown", "told_of", "enabled", "last"]
    list_filter: ClassVar[list[Any]] = ["kind", "enabled", ("tenant", TenantFilter)]
    search_fields: ClassVar[list[str]] = ["name", "tenant__name"]
    readonly_fields: ClassVar[list[str]] = ["shown", "last"]
    # Each field stands on a line of its own: their explanations are sentences.
    fieldsets: ClassVar[list[Any]] = [
        (None, {"fields": ["name", "tenant", "enabled"]}),
        ("Where to", {"fields": ["kind", "email", "url", "key", "allow_private"]}),
        ("What it is told", {"fields": ["budget_alerts", "budget", "findings"]}),
        (None, {"fields": ["reason"]}),
        ("Now", {"fields": ["shown", "last"]}),
    ]
    conditional_fields: ClassVar[dict[str, str]] = {
        "email": "kind == 'email'",
        **dict.fromkeys(("url", "key", "allow_private"), "kind == 'webhook'"),
    }

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.sight = sight_of(request.user)
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Of a new one nothing is known yet."""
        return super().get_fieldsets(request, obj) if obj else self.fieldsets[:-1]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A link that names a budget brings its tenant along."""
        given = super().get_changeform_initial_data(request)
        if str(given.get("budget", "")).isdecimal() and "tenant" not in given:
            given["tenant"] = Budget.objects.filter(pk=given["budget"]).values_list("tenant", flat=True).first()
        return given

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        newest = AlertDelivery.objects.filter(receiver=OuterRef("pk")).order_by("-pk")
        told = {name: Subquery(newest.values(name)[:1]) for name in ("state", "problem")}
        rows = super().get_queryset(request).select_related("tenant", "budget__tenant", "budget__key")
        return rows.annotate(last_state=told["state"], last_problem=told["problem"])

    @display(description="Is told of")
    def told_of(self, row: AlertReceiver) -> str:
        budgets = (str(row.budget) if row.budget_id else "budgets") if row.budget_alerts else ""
        findings = "" if row.findings == AlertReceiver.Findings.NONE else f"findings: {row.findings}"
        return ", ".join(filter(None, (budgets, findings))) or "nothing"

    @display(description="Last message")
    def last(self, row: Any) -> str:
        if not getattr(row, "last_state", None):
            return "none yet"
        return f"{AlertDelivery.State(row.last_state).label}{f': {row.last_problem}' if row.last_problem else ''}"

    @method_decorator(sensitive_post_parameters())
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Keep typed addresses out of error reports."""
        return super().changeform_view(request, *args, **kwargs)
