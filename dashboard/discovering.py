"""The page that asks whether to look for upstreams now, instead of within five minutes."""

from datetime import UTC, datetime

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from dashboard.access import staff_form
from dashboard.keyforms import ReasonForm
from dashboard.questions import ask
from dashboard.views import scope_for
from profiling.asked import ask_now
from profiling.jobs.discovery import Discovery
from providers.adminbase import actor_of

RIGHT = "profiling.add_job"
WHY_NOT = "Looking takes the right to add jobs: the role operator has it, and an owner can give it."
EFFECT = (
    "A worker looks for Ollama, LM Studio and llama.cpp at their addresses, and for providers whose keys were in the "
    "environment when it started, and adds what is new. It does so every five minutes by itself."
)


@staff_form
def discover(request: HttpRequest) -> HttpResponse:
    """Ask whether to, and queue the job."""
    if not request.user.has_perm(RIGHT):
        raise PermissionDenied(WHY_NOT)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        ask_now(Discovery.name, actor_of(request), datetime.now(UTC), form.cleaned_data["reason"])
        return HttpResponseRedirect(reverse("dashboard:models"))
    scope = scope_for(request, "models")
    return ask(request, scope, form, title="Look for upstreams", effect=EFFECT, verb="Look now")
