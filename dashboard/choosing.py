"""Where are the values of a filter to be had? As options of a list, asked for while somebody types."""

from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import staff_only
from dashboard.choices import OFFERED, offered
from dashboard.views import scope_for

LONGEST: Final = 200


@require_safe
@staff_only
def options(request: HttpRequest, word: str) -> HttpResponse:
    """Those that fit, as options; `q` is what was typed, and `tenant` narrows keys to one's own."""
    if word not in OFFERED:
        raise Http404(f"{word!r} is no filter with a list.")
    scope = scope_for(request, "home")
    text = request.GET.get("q", "").strip()[:LONGEST]
    answer = render(request, "dashboard/choices.html", {"choices": offered(word, text, scope)})
    answer["Cache-Control"] = "private, no-store"  # what one may see can change
    return answer
