"""The admin page of those who are told of budgets: their addresses go in and do not come out."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from unfold.decorators import display

from providers.adminbase import AuditedAdmin
from providers.formfields import SecretField, reason_field
from tenants.adminrows import RowsInSight
from tenants.alerting import hook_of, keep_hook
from tenants.alertrows import AlertDelivery, AlertReceiver
from tenants.webhooks import Hook, check_webhook


class ReceiverForm(forms.ModelForm):
    """Address and key are typed together; of a stored receiver, empty leaves both as they are."""

    url = SecretField(label="URL")
    key = SecretField(label="Key that signs")
    reason = reason_field()

    class Meta:
        model = AlertReceiver
        fields = ["budget", "name", "allow_private"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("url", "key"):
            if name in self.fields:
                self.fields[name].required = self.instance.pk is None
        if "url" in self.fields:
            self.fields["url"].help_text = "Is posted to, e.g. https://hooks.example.com/budgets. Not shown again."
            self.fields["key"].help_text = "Of your choice; each message is signed with it. Not shown again."

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        url, private = given.get("url"), bool(given.get("allow_private"))
        if not url and self.instance.pk is not None:
            url = hook_of(self.instance).url  # the rule may have changed
        if url:
            try:
                check_webhook(url, private)
            except ValueError as exc:
                raise ValidationError({"url": str(exc)}) from exc
        return given

    def save(self, commit: bool = True) -> Any:
        old = hook_of(self.instance) if self.instance.pk is not None else Hook("", "")
        url, key = self.cleaned_data.get("url") or old.url, self.cleaned_data.get("key") or old.key
        if Hook(url, key) != old:
            keep_hook(self.instance, Hook(url, key))
        return super().save(commit)


class AlertReceiverAdmin(RowsInSight, AuditedAdmin):
    tenant_path = "budget__tenant_id"
    form = ReceiverForm
    autocomplete_fields: ClassVar[list[str]] = ["budget"]
    list_display: ClassVar[list[str]] = ["name", "budget", "shown", "last", "created_at"]
    list_filter: ClassVar[list[Any]] = []
    list_select_related: ClassVar[list[str]] = ["budget__tenant", "budget__key"]
    search_fields: ClassVar[list[str]] = ["name", "budget__tenant__name"]
    readonly_fields: ClassVar[list[str]] = ["shown", "last"]
    fieldsets: ClassVar[list[Any]] = [
        (None, {"fields": [("budget", "name"), ("url", "key"), "allow_private", "reason"]}),
        ("Now", {"fields": [("shown", "last")]}),
    ]

    def get_queryset(self, request: HttpRequest) -> Any:
        newest = AlertDelivery.objects.filter(receiver=OuterRef("pk")).order_by("-pk")
        told = {name: Subquery(newest.values(name)[:1]) for name in ("state", "problem")}
        return super().get_queryset(request).annotate(last_state=told["state"], last_problem=told["problem"])

    @display(description="Last message")
    def last(self, row: Any) -> str:
        if not getattr(row, "last_state", None):
            return "none yet"
        return f"{AlertDelivery.State(row.last_state).label}{f': {row.last_problem}' if row.last_problem else ''}"

    @method_decorator(sensitive_post_parameters())
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Keep typed addresses out of error reports."""
        return super().changeform_view(request, *args, **kwargs)
