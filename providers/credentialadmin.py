"""Admin pages of credentials: the keys that we present, which go in and do not come out."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action, display

from providers import audit
from providers.adminbase import Switchable, operation_page
from providers.apartfilter import LeavesOutApart, of_provider
from providers.barred import takes
from providers.credentialforms import CredentialForm, CredentialPageForm, ReplaceForm, RotateForm, shown
from providers.formrows import NamedInRows
from providers.models import Credential
from providers.revisions import CATALOG
from providers.rotation import replace, rotate

STATE_COLOURS: dict[str, str] = {"active": "success", "expired": "warning", "disabled": "danger"}


def state_of(row: Credential) -> str:
    """`active`, `expired` or `disabled`."""
    if not row.enabled:
        return "disabled"
    return "expired" if row.expires_at and row.expires_at <= timezone.now() else "active"


class CredentialColumns:
    """What lists and pages show of a credential."""

    @display(description="Key")
    def secret(self, row: Credential) -> str:
        """For those who may look and not change; the form's field of this name goes before it."""
        return shown(row) if row.pk else "—"

    @display(description="State", label=STATE_COLOURS)
    def status(self, row: Credential) -> str:
        return state_of(row) if row.pk else "—"


class CredentialInline(CredentialColumns, NamedInRows, TabularInline):
    model = Credential
    form = CredentialForm
    fields = ["name", "secret", "enabled", "expires_at", "change_key"]
    readonly_fields = ["expires_at", "change_key"]
    extra = 0
    verbose_name_plural = "Credentials (keys that we present; encrypted at rest, never shown again)"

    @display(description="Change the key")
    def change_key(self, row: Credential) -> SafeString | str:
        if not row.pk:
            return "—"
        links = [reverse(f"admin:providers_credential_{verb}_key", args=[row.pk]) for verb in ("rotate", "replace")]
        return format_html(
            '<span class="text-primary-600 whitespace-nowrap dark:text-primary-500">'
            '<a href="{}">Rotate</a> · <a href="{}">Replace</a></span>',
            *links,
        )


@admin.register(Credential)
class CredentialAdmin(LeavesOutApart, CredentialColumns, Switchable):
    theirs = of_provider("provider__")
    part = CATALOG
    form = CredentialPageForm
    autocomplete_fields = ["provider"]
    actions_detail = ["rotate_key", "replace_key"]
    list_display = ["name", "provider", "secret", "status", "expires_at", "created_at"]
    list_select_related = ["provider"]
    list_filter = ["enabled", ("provider", AutocompleteSelectFilter)]
    search_fields = ["name", "provider__name"]
    readonly_fields = ["status", "created_at"]
    fieldsets = [
        (None, {"fields": [("provider", "name"), ("secret", "status"), ("enabled", "created_at")]}),
        ("End", {"fields": ["expires_at"]}),
        (None, {"fields": ["reason"]}),
    ]
    add_fieldsets = [(None, {"fields": [("provider", "name"), ("secret", "enabled"), "reason"]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["provider", *self.readonly_fields] if obj else []

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_fieldsets(request, obj) if obj else self.add_fieldsets

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("provider")

    @method_decorator(sensitive_post_parameters())
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Keep typed keys out of error reports."""
        return super().changeform_view(request, *args, **kwargs)

    @takes("the rights to change and to add credentials")
    def has_rotate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """A rotation changes one credential and adds another."""
        return self.has_change_permission(request) and self.has_add_permission(request)

    @action(description="Rotate with overlap", url_path="rotate", icon="autorenew", permissions=["rotate"])
    @method_decorator(sensitive_post_parameters())
    def rotate_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row(request, object_id)
        form, live = RotateForm(row, request.POST or None), state_of(row) == "active"
        if live and form.is_valid():
            return self._rotate(request, row, form)
        effect = (
            f"{row.provider} is called with the new key from the next second on, and with the old one ({row}) too, in "
            "turn, until that ends by itself. If the provider refuses one of them, the other is used. "
            f"{self.who_would_notice(request, [row])}"
        )
        if not live:
            effect = f"{row} is {state_of(row)}: there is nothing to rotate. Replace its key, or add a credential."
        return self._asked(request, row, form, f"Rotate {row}", "Take the new key", effect, blocked=not live)

    @action(description="Replace", url_path="replace", icon="key", permissions=["change"])
    @method_decorator(sensitive_post_parameters())
    def replace_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row(request, object_id)
        form = ReplaceForm(row, request.POST or None)
        if form.is_valid():
            return self._replace(request, row, form)
        effect = (
            f"{row.provider} is called with the new key within a second. The old one ({row}) is deleted here and "
            "cannot be brought back; at the provider it stays good until it is revoked there. "
            f"{self.who_would_notice(request, [row])}"
        )
        return self._asked(request, row, form, f"Replace {row}", "Replace the key", effect, danger=True)

    def _rotate(self, request: HttpRequest, row: Credential, form: RotateForm) -> HttpResponse:
        before, reason = audit.state(row), form.cleaned_data["reason"]
        with transaction.atomic():
            made = rotate(row, form.cleaned_data["secret"], form.cleaned_data["overlap"], timezone.now())
            self.note(request, "rotated", row, audit.difference(before, audit.state(row)), reason)
            self.note(request, "added", made, audit.added(made), reason)
        ends = timezone.localtime(row.expires_at)
        self.message_user(request, f"{made} is in use; {row} ends {ends:%Y-%m-%d %H:%M %Z}.", messages.SUCCESS)
        return HttpResponseRedirect(_page_of(made))

    def _replace(self, request: HttpRequest, row: Credential, form: ReplaceForm) -> HttpResponse:
        before = audit.state(row)
        with transaction.atomic():
            replace(row, form.cleaned_data["secret"])
            changes = audit.difference(before, audit.state(row))
            self.note(request, "replaced", row, changes, form.cleaned_data["reason"])
        self.message_user(request, f"The key was replaced: {row} is in use within a second.", messages.SUCCESS)
        return HttpResponseRedirect(_page_of(row))

    def _asked(
        self, request: HttpRequest, row: Credential, form: ReplaceForm, title: str, verb: str, effect: str, **more: Any
    ) -> HttpResponse:
        hidden = [("seen", form.seen)]
        return operation_page(
            self, request, title=title, verb=verb, form=form, effect=effect, back=_page_of(row), hidden=hidden, **more
        )


def _page_of(row: Credential) -> str:
    return reverse("admin:providers_credential_change", args=[row.pk])
