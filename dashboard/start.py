"""The first five minutes: what was found, a first request through the data plane, and what comes next.

Every state on the page is computed from what is there, never from what was clicked; nothing else waits for it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
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
from providers.models import Provider
from providers.probe import probe
from providers.selectors import ProviderOffer, offers
from tenants.models import ClientKey, Tenant, own
from tenants.sight import Sight, sight_of
from usage.ranges import TimeRange
from usage.selectors import Listed, RequestFilter
from usage.selectors import page as requests

LOOKED_BACK: Final = timedelta(days=90)
FIRST_KEY: Final = "first-key"
TESTS: Final = "providers.change_provider"
WHY_NOT_TESTED: Final = (
    "Testing takes the right to change providers: the role operator has it, and an owner can give it."
)
SHARED_S: Final = 30
TESTED_UNASKED: Final = 8  # of many providers; the others when somebody presses
QUESTION: Final = "What is the capital of France?"


class Tested(Struct, frozen=True):
    """What listing a provider's models came to: with all of its keys, with any, how long it took, and when."""

    whole: bool
    some: bool
    elapsed_ms: float
    said: str
    at: datetime


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


@require_safe
@staff_only
@never_cache
def tested(request: HttpRequest, name: str) -> HttpResponse:
    """One provider tested now: its models are listed with its keys, and nothing is billed. The outcome is shared for
    `SHARED_S`, so that a page that is opened often calls nobody often."""
    if not request.user.has_perm(TESTS):
        raise PermissionDenied(WHY_NOT_TESTED)
    provider = get_object_or_404(Provider, name=name, enabled=True)
    place = f"tested:{provider.pk}:{provider.updated_at:%Y%m%dT%H%M%S.%f}"
    told: Tested | None = cache.get(place)
    if told is None:
        told = _test(provider)
        cache.set(place, told, SHARED_S)
    return render(request, "dashboard/start_tested.html", {"tested": told})


def _test(provider: Provider) -> Tested:
    results, now = probe(provider), datetime.now(UTC)
    good = [one for one in results if one.ok]
    told = good or results
    elapsed = min(one.elapsed_ms for one in told)
    return Tested(len(good) == len(results), bool(good), elapsed, "; ".join(one.message for one in told), now)


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
