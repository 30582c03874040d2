"""What does each address of the dashboard answer? A page of panels, one request, or the way to a request."""

from datetime import UTC, datetime

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe
from msgspec.structs import replace

from dashboard.accepted import LIVE
from dashboard.access import staff_form, staff_only, who_grants
from dashboard.attention import here
from dashboard.board import board_of
from dashboard.controls import controls_of
from dashboard.frame import frame_of
from dashboard.pages import PAGES, Page
from dashboard.panels.request_messages import RIGHT as READ
from dashboard.preferences import preferences_of, usual_of
from dashboard.rendering import RenderedPanel, panels_of, rendered
from dashboard.scope import NO_SUCH, Scope, scope_of
from providers import audit
from providers.adminbase import actor_of
from tenants.rightwords import right_said
from tenants.selectors import tenants_seen_by
from usage import selectors
from usage.ids import WIRE_PREFIX


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
    return _told(request, request_id)


@staff_form
def read(request: HttpRequest, request_id: str) -> HttpResponse:
    """The same page with what was said, where that is kept; the audit log says who read it. Only a form asks so: its
    address, opened as a link, leads to the page without."""
    if request.method != "POST":
        return HttpResponseRedirect(reverse("dashboard:request", args=[request_id]))
    if not request.user.has_perm(READ):
        raise PermissionDenied(f"Reading what was said takes the right to {right_said(READ)}. {who_grants()}")
    return _told(request, request_id, reads=True)


def _told(request: HttpRequest, request_id: str, *, reads: bool = False) -> HttpResponse:
    scope = scope_for(request, "request")
    found = selectors.find(request_id, scope.sight)
    if found is None:
        raise Http404(f"No request has the id {request_id!r}. Records are kept for a limited time.")
    if reads:
        wire_id = f"{WIRE_PREFIX}{found.id}"
        audit.record_named(actor_of(request), "read", "request", wire_id, {}, f"tenant {found.tenant}", found.id)
    scope = replace(scope, record=found, reads=reads)
    return _answer(request, PAGES["request"], scope, [rendered(one, scope, request) for one in panels_of("request")])


def scope_for(request: HttpRequest, name: str) -> Scope:
    """What a request for a page asks for.

    To who sees some tenants, another's name is as unknown as one that nobody has: 404. Who sees none is told so.
    """
    seen = tenants_seen_by(request.user)
    sight, tenants = seen.sight, seen.names
    if sight is not None and not sight:
        raise PermissionDenied(
            f"You see no tenant yet. An owner can make you a member of one, on your page in admin. {who_grants()}"
        )
    now, may = datetime.now(UTC), request.user.has_perm
    usual = usual_of(preferences_of(request.user))
    scope = scope_of(name, request.GET.dict(), now, may=may, sight=sight, tenants=tenants, usual=usual)
    if sight is not None and scope.tenant_id == NO_SUCH:
        raise Http404(f"There is no tenant {scope.word('tenant')!r}.")
    return replace(scope, person=request.user.pk, board=board_of(request.user), samples=seen.samples)


def _answer(request: HttpRequest, shown: Page, scope: Scope, panels: list[RenderedPanel]) -> HttpResponse:
    """The page around its panels."""
    waiting = here(scope.ask).backlog
    with timezone.override(scope.period.zone):
        context = {
            **frame_of(request, scope, shown.name if shown.listed else "requests"),
            "page": shown,
            "live": scope.parts_address if shown.ranged and shown.listed and scope.live else "",
            "live_switch": scope.here(live="" if scope.live else LIVE) if shown.listed else "",
            "runs": scope.runs,
            "panels": panels,
            "backlog": waiting,
            "lag_ms": waiting.oldest_age_s * 1000,
            **(controls_of(shown, scope) if shown.listed else {}),
        }
        return render(request, "dashboard/page.html", context)
