"""Admin pages of jobs and of what they measured: to read, and to ask for a run."""

import json
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget

from profiling.alertadmin import ReceiverWithTestAdmin
from profiling.asked import ask_now
from profiling.jobs import job_kinds
from profiling.models import Job, LatencyProfile, TokenCalibration
from providers.adminbase import ReadOnlyAdmin, actor_of, operation_page
from providers.apartfilter import LeavesOutApart, of_provider
from providers.barred import takes
from providers.formfields import reason_field
from tenants.models import AlertReceiver

admin.site.unregister(AlertReceiver)
admin.site.register(AlertReceiver, ReceiverWithTestAdmin)

STATE_COLOURS: dict[str, str] = {"queued": "info", "running": "warning", "done": "success", "failed": "danger"}


class RunForm(forms.Form):
    kind = forms.ChoiceField(label="Job")
    reason = reason_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(name, kind.label) for name, kind in sorted(job_kinds().items()) if not kind.by_order]
        self.fields["kind"] = forms.ChoiceField(
            label="Job", choices=choices, widget=UnfoldAdminSelectWidget(choices=choices)
        )


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    actions_list: ClassVar[list[str]] = ["run_now"]
    list_display = ["kind", "window", "status", "done", "message", "attempts", "started_at", "took"]
    list_filter = ["state", "kind"]
    search_fields = ["kind", "window"]
    fieldsets = [
        (None, {"fields": [("kind", "window"), ("status", "done"), "attempts", "message", "asked", "outcome"]}),
        ("Times", {"fields": [("due_at", "created_at"), ("started_at", "finished_at"), ("leased_by", "lease_until")]}),
    ]

    @display(description="State", ordering="state", label=STATE_COLOURS)
    def status(self, row: Job) -> str:
        return row.state

    @display(description="Progress", ordering="progress")
    def done(self, row: Job) -> str:
        return f"{row.progress:.0%}"

    @display(description="Took")
    def took(self, row: Job) -> str:
        if row.started_at is None or row.finished_at is None:
            return "—"
        return f"{(row.finished_at - row.started_at).total_seconds():.1f} s"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        return super().get_queryset(request).defer("order", "result")  # ids of all rows, models of an aggregator

    @display(description="Asked for")
    def asked(self, row: Job) -> str:
        return told_order(row.order) if row.order is not None else "—"

    @display(description="Result")
    def outcome(self, row: Job) -> str:
        return told_result(row.result) if row.result is not None else "—"

    @takes("the right to add jobs")
    def has_run_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("profiling.add_job")

    @action(description="Run a job now", url_path="run", icon="play_arrow", permissions=["run"])
    def run_now(self, request: HttpRequest) -> HttpResponse:
        form, now = RunForm(request.POST or None), timezone.now()
        back = reverse("admin:profiling_job_changelist")
        if form.is_valid():
            kind = form.cleaned_data["kind"]
            ask_now(kind, actor_of(request), now, form.cleaned_data["reason"])
            self.message_user(request, f"{kind} is queued; its row below shows how it goes.", messages.SUCCESS)
            return HttpResponseRedirect(back)
        effect = "Queues one run beside the schedule. A worker takes it within seconds; running twice does no harm."
        return operation_page(self, request, title="Run a job now", verb="Run", form=form, effect=effect, back=back)


def told_order(order: dict[str, Any]) -> str:
    """An order as a person reads it: of a list it says how long it is."""
    short = {name: f"{len(held):,}" if isinstance(held, list) else held for name, held in order.items() if held}
    return json.dumps(short, indent=2)


def told_result(result: dict[str, Any]) -> str:
    """A result as a person reads it: of a listing that somebody chooses from it says how many models it has."""
    kept = result.get("kept")
    return json.dumps(result if kept is None else {**result, "kept": f"{len(kept):,}"}, indent=2)


@admin.register(LatencyProfile)
class LatencyProfileAdmin(LeavesOutApart, ReadOnlyAdmin):
    theirs = of_provider("deployment__provider__")
    list_display = ["deployment", "hours", "attempts", "failed_share", "ttft_p50_ms", "ttft_p95_ms", "tokens_per_s"]
    list_select_related = ["deployment__provider", "deployment__model"]
    list_filter = ["hours", ("deployment", AutocompleteSelectFilter)]
    search_fields = ["deployment__model__name", "deployment__provider__name"]

    @display(description="Failed", ordering="error_rate")
    def failed_share(self, row: LatencyProfile) -> str:
        return "—" if row.error_rate is None else f"{row.error_rate:.1%}"


@admin.register(TokenCalibration)
class TokenCalibrationAdmin(LeavesOutApart, ReadOnlyAdmin):
    theirs = of_provider("model__deployments__provider__")
    list_display = ["model", "times", "pairs", "off_by", "measured_at"]
    list_select_related = ["model"]
    search_fields = ["model__name"]

    @display(description="Estimates are multiplied by", ordering="factor")
    def times(self, row: TokenCalibration) -> str:
        return f"{row.factor:.3f}"

    @display(description="Off all the same by", ordering="typical_error")
    def off_by(self, row: TokenCalibration) -> str:
        return f"{row.typical_error:.1%}"
