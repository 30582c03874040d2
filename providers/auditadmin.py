"""The audit log in the admin: who changed what, when, from where, why, in which request; to read and to take away."""

import csv
import json
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from textwrap import shorten
from typing import Any, ClassVar
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import FieldTextFilter
from unfold.decorators import action, display

from providers.adminbase import ReadOnlyAdmin
from providers.adminfilters import TimeRangeFilter
from providers.models import AuditEntry

COLUMNS = ("at", "actor", "via", "address", "action", "kind", "object_id", "object_name", "reason", "request_id")
MOST_ROWS = 100_000
LINES_AT_ONCE = 500
LONGEST = 80  # characters of a reason in the list
FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute


class AuditEntryAdmin(ReadOnlyAdmin):
    actions_list: ClassVar[list[str]] = ["download"]
    list_display = ["at", "actor", "action", "kind", "object_name", "why", "fields_changed", "via", "address"]
    list_display_links = ["at"]
    list_filter = [("at", TimeRangeFilter), ("actor", FieldTextFilter), "kind", "action", "via"]
    search_fields = ["actor", "object_name", "reason", "request_id"]
    fields = [
        ("at", "via"),
        ("actor", "address"),
        ("action", "kind"),
        "object_name",
        "reason",
        "in_request",
        "before_and_after",
    ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The button of the file leads to the rows that the list shows, and to no others."""
        answer = super().changelist_view(request, extra_context)
        if request.GET and isinstance(answer, TemplateResponse):
            for button in (answer.context_data or {})["actions_list"]:
                button["path"] += f"?{request.GET.urlencode()}"
        return answer

    @display(description="Reason")
    def why(self, row: AuditEntry) -> str:
        return (
            format_html('<span title="{}">{}</span>', row.reason, shorten(row.reason, LONGEST)) if row.reason else "—"
        )

    @display(description="Fields")
    def fields_changed(self, row: AuditEntry) -> str:
        return ", ".join(row.changes) or "—"

    @display(description="Request")
    def in_request(self, row: AuditEntry) -> str:
        """With a link to all that it changed."""
        if not row.request_id:
            return "— (none: a command, a job, or from before ids were kept)"
        address = f"{reverse('admin:providers_auditentry_changelist')}?{urlencode({'q': row.request_id})}"
        return format_html(
            '{} · <a href="{}" class="text-primary-600">All that it changed</a>', row.request_id, address
        )

    @display(description="Changes")
    def before_and_after(self, row: AuditEntry) -> str:
        if not row.changes:
            return "—"
        changes = [(name, shown(old), shown(new)) for name, (old, new) in row.changes.items()]
        return render_to_string("admin/changes.html", {"changes": changes})

    @action(description="Download CSV", url_path="csv", icon="download", permissions=["view"])
    def download(self, request: HttpRequest) -> StreamingHttpResponse:
        """The rows that the list shows with the same filters, newest first, `MOST_ROWS` at most."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self.get_changelist_instance(request).queryset.order_by("-id")[:MOST_ROWS]
        headers = {"Content-Disposition": 'attachment; filename="audit-log.csv"', "Cache-Control": "no-store"}
        return StreamingHttpResponse(_sent(_lines(found)), content_type="text/csv; charset=utf-8", headers=headers)


def shown(value: Any) -> str:
    """A value of the audit log as a person reads it."""
    return "—" if value in (None, "", [], {}) else value if isinstance(value, str) else json.dumps(value)


class _Line:
    """A file of one line: what the CSV writer writes is what is sent."""

    def write(self, text: str) -> str:
        return text


async def _sent(lines: Iterator[str]) -> AsyncIterator[str]:
    take = sync_to_async(lambda: "".join(islice(lines, LINES_AT_ONCE)))
    while text := await take():
        yield text


def _lines(found: Any) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow([*COLUMNS, "changes"])
    for row in found.iterator(chunk_size=500):
        cells = [row.at.isoformat(), *(getattr(row, name) or "" for name in COLUMNS[1:]), json.dumps(row.changes)]
        yield writer.writerow([_harmless(str(cell)) for cell in cells])


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULAS) else cell
