"""The documentation as pages of the dashboard: what a panel's help leads to. Nothing comes from another host."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import staff_only
from dashboard.documents import DECISIONS, document, names
from dashboard.frame import frame_of
from dashboard.views import scope_for


@require_safe
@staff_only
def page(request: HttpRequest, name: str) -> HttpResponse:
    try:
        shown = document(name)
    except LookupError as exc:
        raise Http404(f"There is no document called {name}.") from exc
    return render(request, "dashboard/help.html", _frame(request) | {"document": shown})


@require_safe
@staff_only
def index(request: HttpRequest) -> HttpResponse:
    """What there is to read."""
    every = [document(name) for name in names()]
    plain = [one for one in every if not one.name.startswith(DECISIONS)]
    read = {"guides": plain, "decisions": every[len(plain) :]}
    return render(request, "dashboard/help_index.html", _frame(request) | read)


def _frame(request: HttpRequest) -> dict[str, Any]:
    return frame_of(request, scope_for(request, "home"), "")
