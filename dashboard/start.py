"""The first five minutes: what was found, a first request through the data plane, and what comes next.

Every state on the page is computed from what is there, never from what was clicked; nothing else waits for it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from msgspec import Struct

from dashboard.access import staff_only
from dashboard.askable import choices_for, tenant_named, tenants_for, why_not
from dashboard.examples import examples
from dashboard.frame import frame_of
from dashboard.pages import START
from dashboard.views import scope_for
from dashboard.welcome import broken_lately
from providers.selectors import ProviderOffer, offers
from tenants.models import ClientKey
from tenants.sight import Sight, sight_of
from usage.ranges import TimeRange
from usage.selectors import Listed, RequestFilter
from usage.selectors import page as requests

LOOKED_BACK: Final = timedelta(days=90)
QUESTION: Final = "What is the capital of France?"


class Upstream(Struct, frozen=True):
    """A provider, how many of its models can be called, and how its last call went."""

    offer: ProviderOffer
    models: int
    state: str  # a badge: ready, failing, off


@require_safe
@staff_only
@never_cache
def start(request: HttpRequest, name: str = START.name) -> HttpResponse:
    scope = scope_for(request, name)
    tenants = tenants_for(request.user)
    tenant = tenant_named(request.GET.get("tenant", ""), tenants)
    context = {
        **frame_of(request, scope, name),
        "page": START,
        "upstreams": _upstreams(),
        "keys": _keys(scope.sight),
        "tenant": tenant,
        "question": QUESTION,
        "blocked": why_not(request.user, tenant, choices_for(tenant)),
        "examples": examples(f"{request.scheme}://{request.get_host()}"),
        **_arrived(scope.sight),
    }
    return render(request, "dashboard/start.html", context)


@require_safe
@staff_only
@never_cache
def arrived(request: HttpRequest) -> HttpResponse:
    """The line that waits for a first request, or names the latest one: what the page asks for every few seconds."""
    return render(request, "dashboard/start_arrived.html", _arrived(sight_of(request.user)))


def _upstreams() -> list[Upstream]:
    broken = broken_lately(datetime.now(UTC))
    return [Upstream(offer, offer.callable, _state(offer, broken)) for offer in offers()]


def _state(offer: ProviderOffer, broken: set[str]) -> str:
    if not offer.callable:
        return "off"
    failing = offer.name in broken or all(f"{offer.name}/{model.model}" in broken for model in offer.models)
    return "failing" if failing else "ready"


def _keys(sight: Sight) -> int:
    """How many keys applications can call with."""
    found = ClientKey.objects.filter(lent_to=None, revoked_at=None, tenant__enabled=True, tenant__drill=False)
    return (found if sight is None else found.filter(tenant_id__in=sight)).count()


def _arrived(sight: Sight) -> dict[str, Any]:
    return {"latest": _latest(sight)}


def _latest(sight: Sight) -> Listed | None:
    now = datetime.now(UTC)
    newest = requests(TimeRange.around(now - LOOKED_BACK, now, now), RequestFilter(tenant_id=sight), limit=1).rows
    return newest[0] if newest else None
