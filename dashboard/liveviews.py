"""What does the page of what runs now fetch, and how is a request ended from it?"""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_http_methods, require_safe
from msgspec import Struct

from dashboard.access import staff_only
from dashboard.frame import needing
from dashboard.live import live_page
from dashboard.views import scope_for
from providers.audit import Actor
from routing.inflight import asking, ending
from routing.inflight.telling import InFlight
from tenants.rightwords import right_said
from usage import ids

LONGEST_REASON = 500


class Ending(Struct, frozen=True):
    """The page that asks before a request is ended, and says what became of it. `flight` None: it ended by itself."""

    wire_id: str
    flight: InFlight | None
    reason: str = ""
    problem: str = ""
    done: bool = False


@require_safe
@staff_only
def live_now(request: HttpRequest) -> HttpResponse:
    """The parts of the page that change; 304 while nothing has."""
    scope = scope_for(request, "live")
    data, number = live_page(scope), needing(scope)
    etag = f'"{data.version}-{number}"'
    answer = get_conditional_response(request, etag)
    if answer is None:
        with timezone.override(scope.period.zone):
            answer = render(request, "dashboard/live/fragment.html", {"data": data, "scope": scope, "needing": number})
    answer.headers["etag"], answer.headers["cache-control"] = etag, "private, no-cache"
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@staff_only
def live_cancel(request: HttpRequest, request_id: str) -> HttpResponse:
    """Ask whether to end a running request, and end it."""
    scope, key = scope_for(request, "live"), ids.parse(request_id)
    if key is None:
        raise Http404(f"{request_id!r} is not the id of a request, which reads req_ and 32 hexadecimal digits.")
    if not request.user.has_perm(ending.RIGHT):
        raise PermissionDenied(
            f"Ending requests takes the right to {right_said(ending.RIGHT)}. An owner can give it in admin."
        )
    flight = asking.find(key.hex, scope.sight)
    shown = Ending(f"{ids.WIRE_PREFIX}{key.hex}", flight)
    if flight is not None and request.method == "POST":
        shown = _ended(request, key, shown)
    status = 404 if shown.flight is None else 400 if shown.problem else 200
    return render(request, "dashboard/live/cancel.html", {"data": shown, "longest": LONGEST_REASON}, status=status)


def _ended(request: HttpRequest, key: UUID, asked: Ending) -> Ending:
    """What became of the wish to end it."""
    reason = request.POST.get("reason", "").strip()
    if not 1 <= len(reason) <= LONGEST_REASON:
        problem = f"Reason: 1 to {LONGEST_REASON} characters, and these are {len(reason)}."
        return Ending(asked.wire_id, asked.flight, reason, problem)
    actor = Actor(request.user.get_username()[:150], "admin", request.META.get("REMOTE_ADDR") or None)
    try:
        flight = ending.end(key, scope_for(request, "live").sight, actor, reason)
    except ending.NotInFlight:
        return Ending(asked.wire_id, None)
    return Ending(asked.wire_id, flight, done=True)
