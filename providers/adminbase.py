"""What every admin page of ours shares: cheap lists, an audit row per write, and the bump that makes a change live."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from providers import audit, bulk, editing, revisions
from providers.admintabs import WithTabs
from providers.barred import TellsBarred, takes
from providers.formfields import LONGEST_REASON, reason_field
from providers.formrows import KnowsRelated

logger = logging.getLogger(__name__)
NAMED = 20  # rows that a question names; more are counted


class ListedAdmin(TellsBarred, ModelAdmin):
    """A changelist whose cost does not grow with the table."""

    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 30  # a row with its verbs takes 2 ms to draw
    list_max_show_all = 200
    list_filter_submit = True
    list_filter_sheet = False
    compressed_fields = True

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The count of an unfiltered list is the full count: say it once, without asking the database again."""
        changelist = super().get_changelist_instance(request)
        if not changelist.query and not changelist.has_active_filters:
            changelist.full_result_count = changelist.result_count
        return changelist


class ReadOnlyAdmin(ListedAdmin):
    """Rows that machines write and people read."""

    closed = frozenset({"add", "change", "delete"})

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Without a button to a history that is always empty."""
        return super().render_change_form(request, {**context, "show_history": False}, *args, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class AuditedAdmin(WithTabs, KnowsRelated, ListedAdmin):
    """Every write leaves an audit row; with `part` set, it also bumps that part of the configuration.

    `part` is one of `providers.revisions`. Both happen in the write's own transaction.
    """

    part: ClassVar[str | None] = None
    warn_unsaved_form = True
    change_form_before_template = "admin/seen.html"

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """A change form that refuses to overwrite what somebody else saved since the page was opened."""
        if obj is not None and request.method == "POST":
            base: Any = kwargs.get("form", self.form)
            held = {"page": self, "request": request, "row": obj}
            kwargs["form"] = type(base)(base.__name__, (editing.SeenForm, base), held)
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Nobody who only reads is asked for a reason."""
        shown = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return shown
        fewer = [
            (title, {**one, "fields": [name for name in one["fields"] if name != "reason"]}) for title, one in shown
        ]
        return [(title, one) for title, one in fewer if one["fields"]]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        if (row := context.get("original")) is not None:
            context["seen"] = editing.token_for(self, request, row, context["adminform"].form)
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        form.audit_before = audit.state(_stored(obj)) if change else None
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Iterable[Any], change: bool) -> None:
        super().save_related(request, form, formsets, change)
        reason = form.cleaned_data.get("reason", "")
        if not change:
            self.note(request, "added", form.instance, audit.added(form.instance), reason)
        elif changes := audit.difference(form.audit_before, audit.state(form.instance)):
            self.note(request, "changed", form.instance, changes, reason)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        touched = [
            row.instance.pk for row in formset.initial_forms if row.has_changed() or row in formset.deleted_forms
        ]
        stored = {row.pk: row for row in formset.model._base_manager.filter(pk__in=touched)}
        before, reason = {pk: audit.state(row) for pk, row in stored.items()}, form.cleaned_data.get("reason", "")
        super().save_formset(request, form, formset, change)
        for row in formset.new_objects:
            self.note(request, "added", row, audit.added(row), reason)
        kept = {row.pk: row for row, _fields in formset.changed_objects}
        for pk, old in before.items():
            after = audit.state(kept[pk]) if pk in kept else None
            self.note(request, "changed" if after else "deleted", stored[pk], audit.difference(old, after), reason)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        self._delete(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Chunk by chunk, and never by a job: the page that follows says that they are gone."""
        self.act(request, queryset, "delete", reason=reason_of(request), later=False)

    def change_rows(self, request: HttpRequest, queryset: QuerySet[Any], reason: str = "", **values: Any) -> bulk.Done:
        """Set `values` on every row of `queryset` that has others, as `act` does it."""
        return self.act(request, queryset, "change", values, reason)

    def act(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        deed: str,
        wish: dict[str, Any] | None = None,
        reason: str = "",
        *,
        later: bool = True,
    ) -> bulk.Done:
        """Do a deed (`providers.bulk`) to every row, in chunks or by a job; raises `bulk.Stopped`, `bulk.TooMany`."""
        order = bulk.Order(
            deed, queryset.model._meta.label, bulk.ids_of(queryset), actor_of(request), wish or {}, reason, self.part,
            audit.request_id(),
        )  # fmt: skip
        return bulk.act(order, queryset, later)

    def tell(self, request: HttpRequest, done: bulk.Done, text: str) -> None:
        """Say what was done: `text`, or which job does it."""
        if done.job is None:
            self.message_user(request, text)
            return
        seen = request.user.has_perm(done.job.right)
        name = format_html('<a class="underline" href="{}">{}</a>', done.job.address, done.job.name)
        words = "{} rows are too many for one request: the job {} does it and shows how far it is."
        self.message_user(request, format_html(words, f"{done.total:,}", name if seen else done.job.name))

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any) -> Any:
        """A bulk act that was interrupted, or is too large, says so in the list."""
        try:
            return super().response_action(request, queryset, *args, **kwargs)
        except (bulk.Stopped, bulk.TooMany) as exc:
            if exc.__cause__ is not None:
                logger.error("a bulk act was interrupted: %s", exc, exc_info=exc.__cause__)
            self.message_user(request, str(exc), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def row(self, request: HttpRequest, object_id: str) -> Any:
        """The row that an address names, of those in sight; raises `Http404`, for text that is no id, too."""
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404(f"There is no {self.opts.verbose_name} {object_id} here.")
        return found

    def who_would_notice(self, request: HttpRequest, rows: list[Any]) -> str:
        """Who used these rows lately, in sentences; empty: no history knows of them."""
        return ""

    def note(self, request: HttpRequest, action: str, obj: Model, changes: audit.Changes, reason: str = "") -> None:
        """Write the audit row of one write and make the write live; belongs into the write's transaction."""
        audit.record(actor_of(request), action, obj, changes, reason)
        if self.part is not None:
            revisions.bump(self.part)

    def _delete(self, request: HttpRequest, rows: list[Any]) -> None:
        with transaction.atomic():
            for row in rows:
                self.note(request, "deleted", row, audit.difference(audit.state(row), None), reason_of(request))
                row.delete()


class WhyForm(forms.Form):
    """The question for a reason; `of` is what was answered."""

    reason = reason_field()

    @classmethod
    def of(cls, request: HttpRequest) -> "WhyForm":
        return cls(request.POST if request.method == "POST" else None)


class Switchable(AuditedAdmin):
    """Rows with an `enabled` column get two bulk actions."""

    actions: ClassVar[Sequence[str]] = ("enable", "disable")
    asks_first: ClassVar[bool] = True  # before rows are enabled or disabled

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """The question first; with the answer, the deed."""
        if not self.asks_first or "post" in request.POST:
            self._switch(request, queryset, True, reason_of(request))
            return None
        effect = "Takes into use, in every worker within a second"
        return question(self, request, queryset, "Enable", effect, danger=False)

    @takes("the right to change {rows}")
    def has_switch_off_permission(self, request: HttpRequest) -> bool:
        """Whether somebody may take rows out of use."""
        return self.has_change_permission(request)

    @admin.action(description="Disable", permissions=["switch_off"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """The question first; with the answer, the deed."""
        if not self.asks_first or "post" in request.POST:
            self._switch(request, queryset, False, reason_of(request))
            return None
        effect = "Takes out of use, within a second and until somebody enables it again"
        return question(self, request, queryset, "Disable", effect)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Any], enabled: bool, reason: str = "") -> None:
        done = self.change_rows(request, queryset, reason, enabled=enabled)
        verb = "enabled" if enabled else "disabled"
        self.tell(request, done, f"{done.changed} {verb}; {done.total - done.changed} were {verb} before.")


def question(
    of: AuditedAdmin, request: HttpRequest, queryset: QuerySet[Any], verb: str, effect: str, *, danger: bool = True
) -> HttpResponse:
    """The page before a bulk act: what it does, to which rows, who would notice, and why it is done."""
    total, rows = queryset.count(), list(queryset[:NAMED])
    names = ", ".join(str(row) for row in rows)
    more = f" and {total - len(rows):,} more" if total > len(rows) else ""
    plural = of.opts.verbose_name_plural if total > 1 else of.opts.verbose_name
    noticed = of.who_would_notice(request, rows) if danger else ""
    return operation_page(
        of, request, title=f"{verb} {total:,} {plural}", verb=verb.removesuffix(" of"), form=WhyForm(),
        effect=f"{effect}: {names}{more}. {noticed}".strip(),
        hidden=[("post", "yes"), *hidden(request.POST, "action", ACTION_CHECKBOX_NAME, "select_across")],
        back=request.get_full_path(), danger=danger,
    )  # fmt: skip


def hidden(post: Any, *names: str) -> list[tuple[str, str]]:
    """The values of `post` that a confirmation page must send again."""
    return [(name, value) for name in names for value in post.getlist(name)]


def reason_of(request: HttpRequest) -> str:
    """Why somebody who was asked does it."""
    return request.POST.get("reason", "")[:LONGEST_REASON]


def actor_of(request: HttpRequest) -> audit.Actor:
    """The signed-in person, with the address that the request came from."""
    return audit.Actor(request.user.get_username(), "admin", request.META.get("REMOTE_ADDR") or None)


def operation_page(
    model_admin: ModelAdmin, request: HttpRequest, *, title: str, verb: str, form: forms.Form, **context: Any
) -> HttpResponse:
    """A page that says what an operation will do and asks for the rest: `effect`, the form, a button called `verb`.

    Context beside these: `back` (address to return to), `danger` (colours the button), `results`.
    """
    base = {**model_admin.admin_site.each_context(request), "opts": model_admin.opts, "title": title}
    response = TemplateResponse(request, "admin/operation.html", {**base, "verb": verb, "form": form, **context})
    response["Cache-Control"] = "no-store"
    return response


def _stored(obj: Model) -> Model:
    return type(obj)._base_manager.get(pk=obj.pk)
