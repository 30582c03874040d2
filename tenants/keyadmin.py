"""The admin page of client keys: made, rotated and revoked; a key's value is shown once."""

from textwrap import shorten
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from unfold.decorators import action, display

from providers import audit
from providers.adminbase import NAMED, AuditedAdmin, hidden, operation_page
from providers.apartfilter import LeavesOutApart
from providers.revisions import TENANTS
from tenants import keys
from tenants.adminforms import KeyForm, NewKeyForm, RevokeForm, RotateForm
from tenants.adminrows import RowsInSight, TenantFilter
from tenants.authority import authority_of, sentence
from tenants.callers import LIMITS, WHOLE, Limits
from tenants.keyring import know_at_once
from tenants.models import ClientKey, apart
from tenants.rotation import rotate

LIMIT_FIELDS: dict[str, Any] = {
    "fields": [("requests_per_minute", "requests_per_day"), ("tokens_per_minute", "concurrent_requests")]
}
SCOPE_FIELDS: dict[str, Any] = {"fields": ["allow_models", "allow_policies", "allow_routes"]}
MOST_SHOWN = 32  # characters of a part of a scope in a list
STATE_COLOURS: dict[str, str] = {"active": "success", "expired": "warning", "revoked": "danger"}


class KeyColumns:
    """What a list of client keys shows."""

    @display(description="Key", ordering="prefix")
    def shown(self, row: ClientKey) -> str:
        return format_html('<span class="whitespace-nowrap">{}…</span>', row.prefix)

    @display(description="Operator API", ordering="operator")
    def rights(self, row: ClientKey) -> str:
        return "allowed" if row.operator else "—"

    @display(description="Scope")
    def may(self, row: ClientKey) -> str:
        """A line per part, in full as its title."""
        parts = str(row.scope).split("; ") if row.scope != WHOLE else ["as its tenant"]
        parts += ["operator API"] * row.operator + [f"lent to {row.lent_to}"] * (row.lent_to is not None)
        lines = [(part, shorten(part, MOST_SHOWN, placeholder="…")) for part in parts]
        return format_html_join("", '<div class="whitespace-nowrap" title="{}">{}</div>', lines)

    @display(description="Expires", ordering="expires_at")
    def ends(self, row: ClientKey) -> str:
        """The day; the instant as its title."""
        if row.expires_at is None:
            return "never"
        at = timezone.localtime(row.expires_at)
        return format_html('<span class="whitespace-nowrap" title="{}">{}</span>', localize(at), localize(at.date()))

    @display(description="Lent to", ordering="lent_to")
    def lent(self, row: ClientKey) -> str:
        """The person whose playground uses it; it ends by itself within minutes."""
        return str(row.lent_to) if row.lent_to else "—"

    @display(description="State", label=STATE_COLOURS)
    def status(self, row: ClientKey) -> str:
        return row.state


class ClientKeyAdmin(LeavesOutApart, KeyColumns, RowsInSight, AuditedAdmin):
    theirs = apart("tenant__")
    part = TENANTS
    autocomplete_fields: ClassVar[list[str]] = ["tenant"]
    actions = ["revoke_selected"]
    actions_detail = ["rotate_key", "revoke_key"]
    list_display = ["name", "tenant", "shown", "status", "ends", "may"]  # the others stand on a key's page
    list_filter = ["operator", ("tenant", TenantFilter)]
    search_fields = ["name", "prefix", "tenant__name"]
    readonly_fields = ["tenant", "shown", "status", "rights", "lent", "owner", "created_at", "revoked_at"]
    fieldsets: ClassVar[list[Any]] = [
        (
            None,
            {
                "fields": [
                    ("name", "tenant"),
                    ("shown", "status"),
                    ("rights", "created_at"),
                    ("lent", "owner"),
                    "reason",
                ]
            },
        ),
        ("Scope of this key, within what its tenant may", SCOPE_FIELDS),
        ("Limits of this key, within its tenant's", LIMIT_FIELDS),
        ("End", {"fields": ["expires_at", "revoked_at"]}),
    ]
    add_fieldsets = [
        (None, {"fields": [("tenant", "name"), ("lifetime", "operator"), "reason"]}),
        ("Scope of this key, within what its tenant may", SCOPE_FIELDS),
        ("Limits of this key, within its tenant's", LIMIT_FIELDS),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("tenant", "lent_to", "owner")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs["form"] = NewKeyForm if obj is None else KeyForm
        form = super().get_form(request, obj, change, **kwargs)
        guarded = ("operator",) if obj is None else ("expires_at",) if obj.operator else ()
        fields = [form.base_fields[name] for name in guarded if name in form.base_fields]
        if fields and (why := authority_of(request.user).why_no_operator_key()):
            for field in fields:
                field.disabled, field.help_text = True, f"{sentence(why)} An owner has all of them."
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self.readonly_fields if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A live key is revoked first: deleting it, or its tenant, must not cut anybody off by accident."""
        live = isinstance(obj, ClientKey) and obj.state == "active"
        return super().has_delete_permission(request, obj) and not live

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """One key at a time: the next page shows it."""
        one = {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().add_view(request, form_url, {**(extra_context or {}), **one})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        form.audit_before, lifetime = None, form.lifetime_of_key()
        expires_at = timezone.now() + lifetime if lifetime else None
        limits = Limits(*(getattr(obj, name) for name in LIMITS))
        made, obj.shown_once = keys.issue(
            obj.tenant,
            obj.name,
            operator=obj.operator,
            expires_at=expires_at,
            limits=limits,
            scope=obj.scope,
            owner=request.user,
        )
        obj.pk = made.pk
        obj.refresh_from_db()

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        return self._made_page(request, obj, obj.shown_once)

    def has_rotate_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("tenants.rotate_key")

    @action(description="Rotate", url_path="rotate", icon="autorenew", permissions=["rotate"])
    def rotate_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        key = self.row(request, object_id)
        form = RotateForm(request.POST or None)
        beyond = authority_of(request.user).why_no_operator_key() if key.operator else ""
        why_not = _why_not_rotated(key, beyond)
        if not why_not and form.is_valid():
            return self._rotate(request, key, form)
        effect = f"Makes a new key with the name and rights of {key}; the old one ({key.prefix}…) goes on for a while. "
        effect += self.who_would_notice(request, [key])
        answer = operation_page(
            self,
            request,
            title=f"Rotate {key}",
            verb="Make the new key",
            form=form,
            effect=why_not or effect,
            blocked=bool(why_not),
            back=reverse("admin:tenants_clientkey_change", args=[key.pk]),
        )
        answer.status_code = 403 if beyond else 200
        return answer

    @action(description="Revoke", url_path="revoke", icon="block", permissions=["change"])
    def revoke_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        key = self.row(request, object_id)
        rows, back = (
            self.get_queryset(request).filter(pk=key.pk),
            reverse("admin:tenants_clientkey_change", args=[key.pk]),
        )
        return self._revoke(request, rows, [("post", "yes")], back) or HttpResponseRedirect(back)

    @admin.action(description="Revoke", permissions=["change"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ClientKey]) -> HttpResponse | None:
        again = [("post", "yes"), *hidden(request.POST, "action", ACTION_CHECKBOX_NAME, "select_across")]
        return self._revoke(request, queryset, again, reverse("admin:tenants_clientkey_changelist"))

    def _rotate(self, request: HttpRequest, key: ClientKey, form: RotateForm) -> HttpResponse:
        before, reason = audit.state(key), form.cleaned_data["reason"]
        with transaction.atomic():
            made, plain = rotate(key, form.cleaned_data["overlap"], timezone.now())
            self.note(request, "rotated", key, audit.difference(before, audit.state(key)), reason)
            self.note(request, "added", made, audit.added(made), reason)
        return self._made_page(request, made, plain, old=key)

    def _revoke(
        self, request: HttpRequest, rows: QuerySet[ClientKey], again: list[tuple[str, str]], back: str
    ) -> HttpResponse | None:
        """The question first; with the answer, the deed. None: done."""
        rows = rows.filter(revoked_at=None)
        form = RevokeForm(request.POST if "post" in request.POST else None)
        if form.is_valid():
            done = self.change_rows(request, rows, form.cleaned_data["reason"], revoked_at=timezone.now())
            self.tell(request, done, f"{done.changed} revoked; requests with them are refused within a second.")
            return None
        named, total = list(rows[:NAMED]), rows.count()
        names = ", ".join(map(str, named)) + (f" and {total - len(named):,} more" if total > len(named) else "")
        effect = f"Requests with these keys are refused within a second, for good: {names}." if names else ""
        if names:
            effect += f" {self.who_would_notice(request, named)}"
        return operation_page(
            self,
            request,
            title="Revoke client keys",
            verb="Revoke",
            form=form,
            effect=effect or "Nothing to revoke: already revoked.",
            blocked=not names,
            hidden=again,
            back=back,
            danger=True,
        )

    def _made_page(
        self, request: HttpRequest, key: ClientKey, plain: str, old: ClientKey | None = None
    ) -> HttpResponse:
        """The only page that ever holds a key: rendered in answer to the form, kept nowhere."""
        know_at_once()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Client key {key}",
            "key": key,
            "old": old,
            "plain": plain,
            "url": request.build_absolute_uri("/v1/chat/completions"),
            "next": reverse("admin:tenants_clientkey_change", args=[key.pk]),
        }
        response = TemplateResponse(request, "admin/key_made.html", context)
        response["Cache-Control"] = "no-store"
        return response


def _why_not_rotated(key: ClientKey, beyond: str) -> str:
    """`beyond` is why who asks may not know the value of its successor."""
    if beyond:
        return f"{sentence(beyond)} Who rotates it gets to know its value. An owner has all of them."
    if key.state == "active" and key.lent_to_id is None:
        return ""
    why = "lent to the playground, which replaces it by itself" if key.lent_to_id else key.state
    return f"{key} is {why}: there is nothing to rotate. Make a new key instead."
