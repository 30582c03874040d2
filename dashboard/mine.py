"""What may a person choose for themselves? How the dashboard looks, and the views that they keep."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from dashboard import zones
from dashboard.access import staff_only
from dashboard.frame import frame_of
from dashboard.models import Preferences
from dashboard.preferences import choose, preferences_of, remove_view, save_view
from dashboard.ranges import RANGES
from dashboard.returning import back_of
from dashboard.views import scope_for


@require_http_methods(["GET", "HEAD", "POST"])
@staff_only
def settings(request: HttpRequest) -> HttpResponse:
    """The form with everything; what is wrong is said above it, and the rest stays as it was typed."""
    problems: dict[str, list[str]] = {}
    kept = preferences_of(request.user)
    if request.method == "POST":
        words = {name: request.POST.get(name, "").strip() for name in ("theme", "zone", "range")}
        try:
            choose(request.user, words["theme"], words["zone"], words["range"], request.POST.get("shortcuts") == "on")
            return HttpResponseRedirect(reverse("dashboard:settings") + "?saved=1")
        except ValidationError as exc:
            problems = exc.message_dict
            kept = Preferences(shortcuts=request.POST.get("shortcuts") == "on", **words)
    context = frame_of(request, scope_for(request, "home"), "") | {
        "chosen": kept,
        "themes": Preferences.Theme.choices,
        "ranges": RANGES.items(),
        "zones": zones.every(),
        "problems": problems,
        "saved": request.GET.get("saved") == "1" and not problems,
    }
    return render(request, "dashboard/settings.html", context, status=422 if problems else 200)


@require_POST
@staff_only
def theme(request: HttpRequest) -> HttpResponse:
    """One of the three buttons of the menu."""
    kept = preferences_of(request.user)
    return _kept(
        request, lambda: choose(request.user, request.POST.get("theme", ""), kept.zone, kept.range, kept.shortcuts)
    )


@require_POST
@staff_only
def views(request: HttpRequest) -> HttpResponse:
    """Save or remove a view of a page."""
    page, name = request.POST.get("page", ""), request.POST.get("name", "").strip()
    if request.POST.get("remove"):
        return _kept(request, lambda: remove_view(request.user, page, request.POST["remove"]))
    return _kept(request, lambda: save_view(request.user, page, name, request.POST.get("query", "")))


def _kept(request: HttpRequest, keep: Any) -> HttpResponse:
    """Do it and go back to where the form stood, which says what was wrong."""
    try:
        keep()
    except ValidationError as exc:
        messages.error(request, " ".join(exc.messages))
    return HttpResponseRedirect(back_of(request))
