"""How does a panel's table leave as a file? Written while it is read, so that its length costs no memory."""

from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Final

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest, HttpResponseBadRequest, HttpResponseNotFound, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe
from msgspec.structs import replace

from dashboard.access import staff_only
from dashboard.pages import PAGES
from dashboard.panels.base import Panel
from dashboard.rendering import panels_of
from dashboard.scope import Scope
from dashboard.tables import csv_lines
from dashboard.views import scope_for

LINES_AT_ONCE: Final = 500
PLAIN: Final = "text/plain; charset=utf-8"  # as a script reads it


@require_safe
@staff_only
def panel_csv(request: HttpRequest, name: str, panel: str) -> HttpResponseBase:
    """The table of one panel for the range and filters of the address; `comments=1` says them in its first lines.

    A word of the address that means nothing, or a filter that changes nothing in this table, is a 400: a file of
    something else would pass for what was asked for.
    """
    if name not in PAGES:
        raise Http404(f"There is no page {name!r}.")
    found = next((one for one in panels_of(name) if one.name == panel), None)
    scope = replace(scope_for(request, name), alone=True)
    if wrong := [*scope.problems, *(_unknown(found, scope) if found else ())]:
        return HttpResponseBadRequest("\n".join(wrong), content_type=PLAIN)
    table = found and found.table(found.data(scope), scope)
    if not found or not table:
        why = f"The panel {panel!r} of the page {name!r} has no table for this range."
        return HttpResponseNotFound(why, content_type=PLAIN)
    comments = _comments(found, scope) if request.GET.get("comments") == "1" else []
    lines = csv_lines(table, scope.period.zone, comments)
    file = f"{panel}-{scope.period.start:%Y%m%dT%H%M}-{scope.period.end:%Y%m%dT%H%M}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{file}"'}
    return StreamingHttpResponse(_streamed(lines), content_type="text/csv; charset=utf-8", headers=headers)


def _unknown(panel: Panel, scope: Scope) -> list[str]:
    return [
        f"{word}: this table is not kept by it{' beside the other filters' if word == 'tag' else ''}; leave it out, or "
        "take the file of the list of requests, which knows every filter."
        for word in panel.unused(scope)
    ]


def _comments(panel: Panel, scope: Scope) -> list[str]:
    period = scope.period
    filters = ", ".join(f"{name}={value}" for name, value in sorted(scope.words.items()) if name != "cursor")
    return [
        f"{panel.title} {panel.formula}".strip(),
        f"{period.start.astimezone(period.zone).isoformat()} to {period.end.astimezone(period.zone).isoformat()}",
        f"filters: {filters or 'none'}",
    ]


async def _streamed(lines: Iterator[str]) -> AsyncIterator[str]:
    take = sync_to_async(lambda: "".join(islice(lines, LINES_AT_ONCE)))
    while text := await take():
        yield text
