"""How does a person rate an answer? By the form on the request's page; it is kept as `POST /v1/feedback` keeps it."""

from datetime import UTC, datetime
from typing import Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from dashboard.access import staff_only, who_grants
from dashboard.panels.request_rating import RATEABLE, RIGHT
from feedback.errors import InvalidRating
from feedback.services import NewRating, rate
from tenants.rightwords import right_said
from tenants.sight import sight_of
from usage.ids import WIRE_PREFIX
from usage.selectors import find

SCORES: Final = {"1": 1.0, "-1": -1.0}


@require_POST
@staff_only
def rate_request(request: HttpRequest, request_id: str) -> HttpResponse:
    """Keep `score` (1 or -1) and `comment` for the request's tenant, and show the page again."""
    found = find(request_id, sight_of(request.user))
    if found is None or found.status not in RATEABLE:
        raise Http404(f"There is no answer with the id {request_id!r}.")
    if not request.user.has_perm(RIGHT):
        raise PermissionDenied(f"Rating takes the right to {right_said(RIGHT)}. {who_grants()}")
    score = SCORES.get(request.POST.get("score", ""))
    if score is None:
        return HttpResponseBadRequest("score: 1 or -1", content_type="text/plain")
    wire_id, comment = f"{WIRE_PREFIX}{found.id}", request.POST.get("comment", "").replace("\r\n", "\n").strip()
    try:
        rate(NewRating(wire_id, score, comment), found.tenant_id, None, datetime.now(UTC), request.user.pk)
    except InvalidRating as exc:
        return HttpResponseBadRequest(exc.message, content_type="text/plain")
    return HttpResponseRedirect(f"{reverse('dashboard:request', args=[wire_id])}#panel-request_rating")
