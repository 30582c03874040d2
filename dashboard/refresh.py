"""What changed on a page since it was drawn? Its panels alone, for the script that keeps a page live."""

from hashlib import blake2b

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.access import staff_only
from dashboard.frame import needing
from dashboard.pages import PAGES
from dashboard.rendering import panels_of, rendered
from dashboard.views import scope_for


@require_safe
@staff_only
def parts(request: HttpRequest, name: str) -> HttpResponse:
    """The bell, the panels for the range and filters of the address, and as of when; 304 where they read as before."""
    if name not in PAGES or not PAGES[name].listed:
        raise Http404(f"There is no page {name!r}.")
    scope = scope_for(request, name)
    with timezone.override(scope.period.zone):
        panels = [rendered(one, scope, request) for one in panels_of(name)]
        body = render_to_string(
            "dashboard/parts.html", {"panels": panels, "scope": scope, "needing": needing(scope)}, request
        )
    tag = f'"{blake2b(body.encode(), digest_size=12).hexdigest()}"'
    same = request.headers.get("If-None-Match") == tag
    answer = HttpResponseNotModified() if same else HttpResponse(body)
    answer["ETag"], answer["Cache-Control"] = tag, "no-store"
    answer["X-As-Of"] = f"{scope.period.now.astimezone(scope.period.zone):%H:%M:%S}"
    return answer
