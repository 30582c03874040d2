"""The pages that ask whether to test a provider, or where it serves a model, and that show what came of it."""

from datetime import UTC, datetime
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.access import staff_form, staff_only
from dashboard.frame import frame_of
from dashboard.keyforms import ReasonForm
from dashboard.pages import PAGES
from dashboard.questions import ask, require
from dashboard.scope import Scope
from dashboard.upstreamrows import deployment_of, provider_named
from dashboard.views import scope_for
from profiling import providertests
from providers.adminbase import actor_of
from providers.models import Provider
from providers.probe import what_it_does

RIGHT: Final = "providers.change_provider"
WHY_NOT: Final = "Testing takes the right to change providers: the role operator has it, and an owner can give it."


@staff_form
def of_provider(request: HttpRequest, provider: str) -> HttpResponse:
    """Ask whether to test a provider, and queue it."""
    require(request, RIGHT, WHY_NOT)
    row = provider_named(provider)
    return _asked(request, scope_for(request, "upstreams"), row, f"Test {row}")


@staff_form
def of_deployment(request: HttpRequest, deployment_id: int) -> HttpResponse:
    """The same where it serves a model, which is then looked for among those listed."""
    require(request, RIGHT, WHY_NOT)
    row = deployment_of(deployment_id)
    return _asked(request, scope_for(request, "models"), row.provider, f"Test {row}", row.upstream_model)


@require_safe
@staff_only
@never_cache
def result(request: HttpRequest, page: str, number: int) -> HttpResponse:
    """How far a test is, and what came of it: asks again by itself until it is over."""
    require(request, RIGHT, WHY_NOT)
    scope, told = scope_for(request, page), providertests.tried(number, datetime.now(UTC))
    provider = Provider.objects.filter(pk=told.wish.provider).first() if told else None
    if told is None or provider is None:
        raise Http404(f"There is no test {number}; their results are kept for a week.")
    context = {
        **frame_of(request, scope, page), "page": PAGES[page], "back": scope.link(page),
        "title": f"Test of {provider}", "provider": provider, "tried": told, "again": _again(provider, told.wish.model),
    }  # fmt: skip
    return render(request, "dashboard/tried.html", context)


def _again(provider: Provider, model: str) -> str:
    """Where the same is asked for once more."""
    served = provider.deployments.filter(upstream_model=model).first() if model else None
    if served is None:
        return reverse("dashboard:provider-test", args=[provider.name])
    return reverse("dashboard:deployment-test", args=[served.pk])


def _asked(request: HttpRequest, scope: Scope, provider: Provider, title: str, model: str = "") -> HttpResponse:
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        now, actor = datetime.now(UTC), actor_of(request)
        number = providertests.ask_for_test(provider, model, actor, form.cleaned_data["reason"], now)
        return HttpResponseRedirect(reverse("dashboard:test-result", args=[scope.page, number]))
    looks = f" {model} is looked for among them." if model else ""
    settings = reverse("admin:providers_provider_change", args=[provider.pk])
    effect = f"{what_it_does(provider)}{looks} A worker does it, and its result stands here in a moment."
    return ask(request, scope, form, title=title, effect=effect, verb="Test", settings=settings)
