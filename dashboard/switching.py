"""The pages that ask before a provider is drained, or a deployment taken out of use or back: they name who uses it."""

from collections.abc import Sequence
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from dashboard.access import staff_only
from dashboard.formatting import counted
from dashboard.frame import frame_of
from dashboard.keyforms import ReasonForm
from dashboard.pages import PAGES
from dashboard.scope import Scope
from dashboard.using import using
from dashboard.views import scope_for
from providers.adminbase import actor_of
from providers.models import Deployment, Provider
from providers.selectors import served_by_nobody_else
from routing import acts

NO_DRAIN: Final = "Draining takes the right to drain deployments: the role operator has it, and an owner can give it."
NO_ENABLE: Final = "Enabling takes the right to change deployments: the role operator has it, and an owner can give it."
NOTHING: Final = "None of its deployments is in use."
NAMED: Final = 8


@require_http_methods(["GET", "HEAD", "POST"])
@staff_only
@never_cache
def drain(request: HttpRequest, provider: str) -> HttpResponse:
    """Ask whether to, and take every deployment of the provider out of use."""
    row = Provider.objects.exclude(source=Provider.Source.DRILL).filter(name=provider).first()
    if row is None:
        raise Http404(f"There is no provider {provider!r}.")
    _require(request, "drain")
    live = list(_deployments().filter(provider=row, enabled=True).order_by("model__name"))
    scope = scope_for(request, "upstreams")
    effect = _draining(row, live, scope) if live else NOTHING
    return _switched(request, scope, "drain", live, f"Drain {row}", effect)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_only
@never_cache
def switch(request: HttpRequest, deployment_id: int, verb: str) -> HttpResponse:
    """Ask whether to, and take a deployment out of use (`disable`), or back (`enable`)."""
    act: acts.Act = "drain" if verb == "disable" else "undrain"
    row = get_object_or_404(_deployments(), pk=deployment_id)
    _require(request, act)
    scope, wanted = scope_for(request, "models"), act == "undrain"
    if row.enabled == wanted:
        effect = f"It is {'in' if wanted else 'out of'} use already."
        return _switched(request, scope, act, [], f"{verb.capitalize()} {row}", effect)
    if wanted:
        blocked = "" if row.provider.enabled else f", once its provider {row.provider} is enabled too"
        effect = f"Requests may come to {row} within a second{blocked}."
    else:
        alone = served_by_nobody_else(row.provider, row)
        effect = f"Takes {row} out of use within a second. What runs there ends by itself."
        effect += f"{lost(alone)} {using(row, scope.sight)}"
    return _switched(request, scope, act, [row], f"{verb.capitalize()} {row}", effect)


def _deployments() -> Any:
    rows = Deployment.objects.exclude(provider__source=Provider.Source.DRILL)
    return rows.select_related("provider", "model")


def _require(request: HttpRequest, act: acts.Act) -> None:
    if not acts.may(request.user.has_perm, act):
        raise PermissionDenied(NO_ENABLE if act == "undrain" else NO_DRAIN)


def _switched(
    request: HttpRequest, scope: Scope, act: acts.Act, rows: Sequence[Deployment], title: str, effect: str
) -> HttpResponse:
    """The question, and with its answer the deed; without `rows` there is nothing to do, and `effect` says why."""
    page, form = PAGES[scope.page], ReasonForm(request.POST or None)
    back = reverse(f"dashboard:{page.name}")
    if request.method == "POST" and form.is_valid() and rows:
        actor = actor_of(request)
        with transaction.atomic():
            for row in rows:
                acts.do(act, row, actor, form.cleaned_data["reason"])
        return HttpResponseRedirect(back)
    context = {
        **frame_of(request, scope, page.name), "page": page, "back": back, "form": form, "title": title,
        "effect": effect, "verb": title if rows else "", "danger": act == "drain",
    }  # fmt: skip
    return render(request, "dashboard/question.html", context, status=409 if not rows else 422 if form.errors else 200)


def _draining(row: Provider, live: Sequence[Deployment], scope: Scope) -> str:
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
