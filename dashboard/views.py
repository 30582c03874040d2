"""What does each address of the dashboard answer? A page of panels, one request, or the way to a request."""

from datetime import UTC, datetime

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe
from msgspec.structs import replace

from dashboard.access import staff_only
from dashboard.controls import controls_of
from dashboard.pages import NAVIGATION, PAGES, Page
from dashboard.rendering import RenderedPanel, panels_of, rendered
from dashboard.scope import NO_SUCH, Scope, scope_of
from tenants.selectors import tenants_seen_by
from usage import ids, selectors, spool


@require_safe
@staff_only
def page(request: HttpRequest, name: str) -> HttpResponse:
    """A page of panels for the range and filters of the address."""
    scope = scope_for(request, name)
    return _answer(request, PAGES[name], scope, [rendered(one, scope, request) for one in panels_of(name)])


@require_safe
@staff_only
def panel(request: HttpRequest, name: str, panel: str) -> HttpResponse:
    """A page with one of its panels alone, which may then ask more: what a page fetches once it stands."""
    scope = replace(scope_for(request, name), alone=True)
    panels = [rendered(one, scope, request) for one in panels_of(name) if one.name == panel]
    if not panels:
        raise Http404(f"The page {name!r} has no panel {panel!r}.")
    return _answer(request, PAGES[name], scope, panels)


@require_safe
@staff_only
def record(request: HttpRequest, request_id: str) -> HttpResponse:
    """The page about one request."""
    scope = scope_for(request, "request")
    found = selectors.find(request_id, scope.sight)
    if found is None:
        raise Http404(f"No request has the id {request_id!r}. Records are kept for a limited time.")
    scope = replace(scope, record=found)
    return _answer(request, PAGES["request"], scope, [rendered(one, scope, request) for one in panels_of("request")])


@require_safe
@staff_only
def find(request: HttpRequest) -> HttpResponse:
    """Lead from a pasted id to its request, whatever range or filter was on the page."""
    wanted = request.GET.get("id", "").strip()
    if key := ids.parse(wanted):
        return HttpResponseRedirect(reverse("dashboard:request", args=[f"{ids.WIRE_PREFIX}{key.hex}"]))
    raise Http404(f"{wanted!r} is not the id of a request, which reads req_ and 32 hexadecimal digits.")


def scope_for(request: HttpRequest, name: str) -> Scope:
    """What a request for a page asks for.

    To who sees some tenants, another's name is as unknown as one that nobody has: 404. Who sees none is told so.
    """
    sight, tenants = tenants_seen_by(request.user)
    if sight is not None and not sight:
        raise PermissionDenied("You see no tenant yet. An owner can make you a member of one, on your page in admin.")
    now, may = datetime.now(UTC), request.user.has_perm
    scope = scope_of(name, request.GET.dict(), now, may=may, sight=sight, tenants=tenants)
    if sight is not None and scope.tenant_id == NO_SUCH:
        raise Http404(f"There is no tenant {scope.word('tenant')!r}.")
    return scope


def _answer(request: HttpRequest, shown: Page, scope: Scope, panels: list[RenderedPanel]) -> HttpResponse:
    """The page around its panels."""
    waiting = spool.backlog(settings.VAR_DIR / spool.NAME)
    with timezone.override(scope.period.zone):
        context = {
            "page": shown,
            "section": shown.name if shown.listed else "requests",
            "scope": scope,
            "navigation": [(other, scope.link(other.name)) for other in NAVIGATION],
            "panels": panels,
            "backlog": waiting,
            "lag_ms": waiting.oldest_age_s * 1000,
            **(controls_of(shown, scope) if shown.listed else {}),
        }
        return render(request, "dashboard/page.html", context)
