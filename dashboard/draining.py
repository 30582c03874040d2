"""The page that asks before a provider is drained: it names what goes out of use, and who uses it."""

from collections.abc import Sequence
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from dashboard.access import staff_form
from dashboard.formatting import counted
from dashboard.keyforms import ReasonForm
from dashboard.questions import ask
from dashboard.scope import Scope
from dashboard.upstreamrows import provider_named
from dashboard.using import using
from dashboard.views import scope_for
from providers.adminbase import actor_of
from providers.models import Deployment, Provider
from providers.selectors import served_by_nobody_else
from routing import acts

NO_DRAIN: Final = "Draining takes the right to drain deployments: the role operator has it, and an owner can give it."
NOTHING: Final = "None of its deployments is in use."
NAMED: Final = 8


@staff_form
def drain(request: HttpRequest, provider: str) -> HttpResponse:
    """Ask whether to, and take every deployment of the provider out of use."""
    row = provider_named(provider)
    if not acts.may(request.user.has_perm, "drain"):
        raise PermissionDenied(NO_DRAIN)
    live, form = list(_live(row)), ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and live:
        with transaction.atomic():
            for one in live:
                acts.do("drain", one, actor_of(request), form.cleaned_data["reason"])
        return HttpResponseRedirect(reverse("dashboard:upstreams"))
    scope = scope_for(request, "upstreams")
    effect, title = _effect(row, live, scope) if live else NOTHING, f"Drain {row}"
    return ask(request, scope, form, title=title, effect=effect, verb=title, possible=bool(live), danger=True)


def _live(row: Provider) -> Any:
    rows = Deployment.objects.filter(provider=row, enabled=True)
    return rows.select_related("provider", "model").order_by("model__name")


def _effect(row: Provider, live: Sequence[Deployment], scope: Scope) -> str:
    """What will happen, and who would notice."""
    return (
        f"Takes {counted(len(live), 'deployment')} out of use within a second: {_named(list(map(str, live)))}. What "
        f"runs there ends by itself.{lost(served_by_nobody_else(row))} {using(row, scope.sight)} It lasts until "
        "somebody enables them again, under Models or in admin."
    )


def lost(models: list[str]) -> str:
    """Which models nobody would serve any more."""
    return f" Nobody else serves {_named(models)}: requests for it are refused." if models else ""


def _named(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED:,} more" if names[NAMED:] else "")
