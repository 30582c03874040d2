"""The page that asks before a provider is drained: it names what is taken out of use, and who uses it."""

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
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
from providers import audit, bulk
from providers.adminbase import actor_of
from providers.models import Deployment, Provider
from providers.revisions import CATALOG
from providers.selectors import served_by_nobody_else

PAGE = PAGES["upstreams"]
RIGHTS = ("providers.drain_deployment", "providers.change_deployment")  # any of them is enough
WHY_NOT = "Draining takes the right to drain deployments: the role operator has it, and an owner can give it."
NOTHING = "None of its deployments is in use."
NAMED = 8


@require_http_methods(["GET", "HEAD", "POST"])
@staff_only
@never_cache
def drain(request: HttpRequest, provider: str) -> HttpResponse:
    """Ask whether to, and take every deployment of the provider out of use."""
    row = Provider.objects.exclude(source=Provider.Source.DRILL).filter(name=provider).first()
    if row is None:
        raise Http404(f"There is no provider {provider!r}.")
    if not any(map(request.user.has_perm, RIGHTS)):
        raise PermissionDenied(WHY_NOT)
    scope, form = scope_for(request, PAGE.name), ReasonForm(request.POST or None)
    live = Deployment.objects.filter(provider=row, enabled=True).select_related("provider", "model")
    names = [str(each) for each in live.order_by("model__name")]
    if request.method == "POST" and form.is_valid() and names:
        order = bulk.Order(
            "drain", "providers.Deployment", bulk.ids_of(live), actor_of(request), {}, form.cleaned_data["reason"],
            CATALOG, audit.request_id(),
        )  # fmt: skip
        bulk.act(order, Deployment.objects.select_related("provider", "model"))
        return HttpResponseRedirect(reverse("dashboard:upstreams"))
    context = {
        **frame_of(request, scope, PAGE.name), "page": PAGE, "back": reverse("dashboard:upstreams"), "form": form,
        "title": f"Drain {row}", "effect": effect(row, names, scope) if names else NOTHING, "danger": True,
        "verb": f"Drain {row}" if names else "",
    }  # fmt: skip
    return render(request, "dashboard/question.html", context, status=409 if not names else 422 if form.errors else 200)


def effect(row: Provider, names: list[str], scope: Scope) -> str:
    """What will happen, and who would notice."""
    shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED:,} more" if names[NAMED:] else "")
    alone = served_by_nobody_else(row)
    lost = ""
    if alone:
        more = f" and {len(alone) - NAMED:,} more" if alone[NAMED:] else ""
        lost = f" Nobody else serves {', '.join(alone[:NAMED])}{more}: requests for it are refused."
    return (
        f"Takes {counted(len(names), 'deployment')} out of use within a second: {shown}. What runs there ends by "
        f"itself.{lost} {using(row, scope.sight)} It lasts until somebody enables them again, in admin."
    )
