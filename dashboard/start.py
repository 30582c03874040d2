"""The first five minutes: what was found, a first request through the data plane, and what comes next.

Every state on the page is computed from what is there, never from what was clicked; nothing else waits for it.
"""

import os
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from msgspec import Struct

from dashboard.access import staff_only
from dashboard.askable import choices_for, tenant_named, tenants_for, why_not
from dashboard.examples import examples
from dashboard.frame import frame_of
from dashboard.pages import START
from dashboard.preferences import has_begun
from dashboard.samples import sample_of
from dashboard.views import scope_for
from dashboard.welcome import States
from neuroroute.places import BASE_DIR, FIRST_RUN_FILE
from profiling import providertests
from profiling.providertests import Tried
from providers.models import Provider
from providers.selectors import ProviderOffer, offers
from tenants.models import ClientKey, Tenant, own
from tenants.sight import Sight, sight_of
from usage.ranges import TimeRange
from usage.selectors import Listed, RequestFilter
from usage.selectors import page as requests

FIRST_RUN_PLACE: Final = os.path.relpath(FIRST_RUN_FILE, BASE_DIR)  # for who may make keys: not where the project is
LOOKED_BACK: Final = timedelta(days=90)
FIRST_KEY: Final = "first-key"
TESTS: Final = "providers.change_provider"
WHY_NOT_TESTED: Final = (
    "Testing takes the right to change providers: the role operator has it, and an owner can give it."
)
TESTED_UNASKED: Final = 8  # of many providers; the others when somebody presses
QUESTION: Final = "What is the capital of France?"


class Tested(Struct, frozen=True):
    """What listing a provider's models came to: with all of its keys, with any, how long it took, and when."""

    whole: bool
    some: bool
    elapsed_ms: float | None
    said: str
    at: datetime | None


class Upstream(Struct, frozen=True):
    """A provider, how many of its models can be called, and how its last call went."""

    offer: ProviderOffer
    models: int
    state: str  # a badge: the provider's (`dashboard.standing`), or off


@require_safe
@staff_only
@never_cache
def start(request: HttpRequest, name: str = START.name) -> HttpResponse:
    scope = scope_for(request, name)
    tenants = tenants_for(request.user)
    tenant = tenant_named("" if scope.sample else request.GET.get("tenant", ""), tenants)
    context = {
        **frame_of(request, scope, name),
        "page": START,
        "upstreams": _upstreams(),
        "tested_unasked": TESTED_UNASKED,
        "keys": _keys(scope.sight),
        "may_test": request.user.has_perm(TESTS),
        "why_not_tested": WHY_NOT_TESTED,
        "first_key": _first_key(tenant),
        "tenant": tenant,
        "question": QUESTION,
        "first_run": FIRST_RUN_PLACE,
        "blocked": why_not(request.user, tenant, choices_for(tenant)),
        "examples": examples(f"{request.scheme}://{request.get_host()}"),
        **_arrived(request, scope.sight),
        **sample_of(request, scope),
    }
    return render(request, "dashboard/start.html", context)


@require_safe
@staff_only
@never_cache
def arrived(request: HttpRequest) -> HttpResponse:
    """The line that waits for a first request, or names the latest one: what the page asks for every few seconds."""
    return render(request, "dashboard/start_arrived.html", _arrived(request, sight_of(request.user)))


@require_POST
@staff_only
@never_cache
def test(request: HttpRequest, name: str) -> HttpResponse:
    """Have one provider tested by a worker: its models are listed with its keys, and nothing is billed."""
    if not request.user.has_perm(TESTS):
        raise PermissionDenied(WHY_NOT_TESTED)
    provider = get_object_or_404(Provider, name=name, enabled=True)
    return HttpResponseRedirect(
        reverse("dashboard:start-tested", args=[providertests.shared_test(provider, datetime.now(UTC))])
    )


@require_safe
@staff_only
@never_cache
def tested(request: HttpRequest, number: int) -> HttpResponse:
    """How far a test is, or what came of it: asks again by itself until it is over."""
    if not request.user.has_perm(TESTS):
        raise PermissionDenied(WHY_NOT_TESTED)
    told = providertests.tried(number, datetime.now(UTC))
    if told is None:
        raise Http404(f"There is no test {number}; their results are kept for a week.")
    context = {"tried": told, "tested": None if told.waiting else _outcome(told)}
    return render(request, "dashboard/start_tested.html", context)


def _outcome(told: Tried) -> Tested:
    good = [one for one in told.listings if one.ok]
    listings = good or told.listings
    said = told.problem or "; ".join(one.message for one in listings)
    elapsed = min((one.elapsed_ms for one in listings), default=None)
    return Tested(bool(good) and len(good) == len(told.listings), bool(good), elapsed, said, told.at)


def _upstreams() -> list[Upstream]:
    states = States.now()
    return [
        Upstream(offer, offer.callable, states.of_provider(offer) if offer.callable else "off") for offer in offers()
    ]


def _keys(sight: Sight) -> int:
    """How many keys applications can call with."""
    found = ClientKey.objects.filter(own("tenant__"), lent_to=None, revoked_at=None, tenant__enabled=True)
    return (found if sight is None else found.filter(tenant_id__in=sight)).count()


def _first_key(tenant: Tenant | None) -> str:
    """The name of the key that the page offers to make; empty: the tenant has one of that name."""
    there = tenant is None or ClientKey.objects.filter(tenant=tenant, name=FIRST_KEY).exists()
    return "" if there else FIRST_KEY


def _arrived(request: HttpRequest, sight: Sight) -> dict[str, Any]:
    """Once there is a request, the page leaves the menu of who sees it; the list of keys leads here still."""
    if latest := _latest(sight):
        has_begun(request.user)
    return {"latest": latest}


def _latest(sight: Sight) -> Listed | None:
    now = datetime.now(UTC)
    newest = requests(TimeRange.around(now - LOOKED_BACK, now, now), RequestFilter(tenant_id=sight), limit=1).rows
    return newest[0] if newest else None
