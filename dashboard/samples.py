"""Sample traffic on Get started: how it stands, and the questions before it is made and before it is taken away."""

from datetime import UTC, datetime
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.access import staff_form, staff_only, who_grants
from dashboard.keyforms import ReasonForm
from dashboard.pages import START
from dashboard.questions import ask
from dashboard.scope import Scope
from dashboard.views import scope_for
from providers.adminbase import actor_of
from routing.demo import standing
from routing.demo.rows import TENANT, NameTaken
from routing.demo.turns import DAYS, REQUESTS

RIGHT: Final = "tenants.add_tenant"
WHY_NOT: Final = "Sample traffic takes the right to add tenants: the role owner has it, and can give it."
SHOWN: Final = ("home", "cost", "latency", "reliability", "requests", "budgets")
MAKES: Final = (
    f"A tenant {TENANT} is made. {REQUESTS} requests go through this installation, as a client's do, to sandboxes on "
    "this machine: nothing is billed, and nobody else's requests, budgets or models are touched. That takes a minute "
    f"or two. Their records then move over the last {DAYS} days; times, tokens and costs stay as they were measured. "
    f"They are in no total: choose the tenant {TENANT} to see them."
)
REMOVES: Final = (
    f"The tenant {TENANT} goes, with its keys, its budget, its records and all sums of them. If it is still being "
    "made, that ends first. What was done here stays in the audit log."
)


def sample_of(request: HttpRequest, scope: Scope) -> dict[str, Any]:
    """What the card draws."""
    found = standing.standing(datetime.now(UTC))
    pages = [(name, scope.link(name, tenant=found.tenant, range=f"{DAYS}d")) for name in SHOWN]
    return {
        "sample": found,
        "sample_pages": pages if found.tenant in scope.tenants.values() else [],
        "may_sample": request.user.has_perm(RIGHT),
        "why_no_sample": WHY_NOT,
    }


@require_safe
@staff_only
@never_cache
def card(request: HttpRequest) -> HttpResponse:
    """The card alone: what the page asks for again while the sample is made or goes."""
    return render(request, "dashboard/sample_card.html", sample_of(request, scope_for(request, START.name)))


@staff_form
def make(request: HttpRequest) -> HttpResponse:
    """Ask whether to, and queue the job."""
    scope, form = _asked(request)
    problem = ""
    if request.method == "POST" and form.is_valid():
        try:
            standing.ask(actor_of(request), datetime.now(UTC), form.cleaned_data["reason"])
            return _back()
        except NameTaken as taken:
            problem = str(taken)
    title = f"Fill with {DAYS} days of sample traffic"
    return ask(request, scope, form, title=title, effect=problem or MAKES, verb="Fill", possible=not problem)


@staff_form
def remove(request: HttpRequest) -> HttpResponse:
    """Ask whether to, and take it away."""
    scope, form = _asked(request)
    now = datetime.now(UTC)
    if request.method == "POST" and form.is_valid():
        standing.remove(actor_of(request), now, form.cleaned_data["reason"])
        return _back()
    there = standing.standing(now).state != "none"
    effect = REMOVES if there else "There is no sample traffic."
    title = "Remove the sample traffic"
    return ask(request, scope, form, title=title, effect=effect, verb="Remove", possible=there, danger=True)


def _asked(request: HttpRequest) -> tuple[Scope, ReasonForm]:
    if not request.user.has_perm(RIGHT):
        raise PermissionDenied(f"{WHY_NOT} {who_grants()}")
    return scope_for(request, START.name), ReasonForm(request.POST or None)


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse(f"dashboard:{START.name}") + "#sample")
