"""What does each address of the dashboard answer? A page of panels, one request, or the way to a request."""

from datetime import UTC, datetime

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.access import staff_only
from dashboard.controls import controls_of
from dashboard.pages import NAVIGATION, PAGES, Page
from dashboard.rendering import panels_of, rendered
from dashboard.scope import Scope, scope_of
from usage import ids, selectors, spool


@require_safe
@staff_only
def page(request: HttpRequest, name: str) -> HttpResponse:
    """A page of panels for the range and filters of the address."""
    scope = scope_of(name, request.GET.dict(), datetime.now(UTC))
    return _answer(request, PAGES[name], scope, controls_of(PAGES[name], scope))


@require_safe
@staff_only
def record(request: HttpRequest, request_id: str) -> HttpResponse:
    """The page about one request."""
    found = selectors.find(request_id)
    if found is None:
        raise Http404(f"No request has the id {request_id!r}. Records are kept for a limited time.")
    return _answer(request, PAGES["request"], scope_of("request", request.GET.dict(), datetime.now(UTC), found), {})


@require_safe
@staff_only
def find(request: HttpRequest) -> HttpResponse:
    """Lead from a pasted id to its request, whatever range or filter was on the page."""
    wanted = request.GET.get("id", "").strip()
    if key := ids.parse(wanted):
        return HttpResponseRedirect(reverse("dashboard:request", args=[f"{ids.WIRE_PREFIX}{key.hex}"]))
    raise Http404(f"{wanted!r} is not the id of a request, which reads req_ and 32 hexadecimal digits.")


def _answer(request: HttpRequest, shown: Page, scope: Scope, controls: dict[str, object]) -> HttpResponse:
    """Draw every panel, then the page around them, with times in the zone of the period."""
    waiting = spool.backlog(settings.VAR_DIR / spool.NAME)
    with timezone.override(scope.period.zone):
        context = {
            "page": shown,
            "section": shown.name if shown.listed else "requests",
            "scope": scope,
            "navigation": [(other, scope.link(other.name)) for other in NAVIGATION],
            "panels": [rendered(panel, scope, request) for panel in panels_of(shown.name)],
            "backlog": waiting,
            "lag_ms": waiting.oldest_age_s * 1000,
            **controls,
        }
        return render(request, "dashboard/page.html", context)
