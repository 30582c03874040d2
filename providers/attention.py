"""What about the upstreams needs an operator? And the shape of such a notice, for every app."""

from collections.abc import Iterator
from typing import Any, Final

from django.db.models import Count, Q, QuerySet, Value
from django.urls import reverse
from django.utils import timezone
from msgspec import Struct

from providers.models import Deployment, PriceProposal, Provider, in_use
from providers.prices import unpriced

DRILL: Final = Provider.Source.DRILL  # its deployments fail on purpose
PROVIDERS, DEPLOYMENTS = "providers.view_provider", "providers.view_deployment"


class Notice(Struct, frozen=True):
    """One thing to look at: what, what it means, where to mend it, and the permission that its page asks for.

    `level` is a badge's state, `verb` what the link says; `about` is the same in notices that tell the same.
    """

    what: str
    effect: str
    link: str
    permission: str
    level: str = "setup"
    verb: str = "Its settings"
    about: str = ""


def unpriced_use(deployment: str) -> str:
    """What a notice is about that says that a deployment works at unknown cost."""
    return f"unpriced {deployment}"


def notices() -> Iterator[Notice]:
    """Two queries, whatever the size of the catalog."""
    live = Count("deployments", filter=Q(deployments__enabled=True), distinct=True)
    keys = Count("credentials", filter=in_use(timezone.now(), "credentials__"), distinct=True)
    providers = list(Provider.objects.filter(enabled=True).exclude(source=DRILL).annotate(live=live, keys=keys))
    if not providers:
        link = reverse("admin:providers_provider_add")
        yield Notice("No provider is enabled", "Every request is refused.", link, "providers.add_provider")
    for provider in providers:
        yield from _of_provider(provider)
    yield from _of_prices()


def _of_prices() -> Iterator[Notice]:
    live = Deployment.objects.filter(enabled=True, provider__enabled=True).exclude(provider__source=DRILL)
    opened = PriceProposal.objects.filter(state=PriceProposal.State.OPEN)
    counts = dict(_counted("unpriced", unpriced(live, timezone.now())).union(_counted("open", opened)))
    if count := counts.get("unpriced"):
        link = f"{reverse('admin:providers_deployment_changelist')}?enabled__exact=1&price=unknown"
        what = f"{count} enabled deployment{'s have' if count > 1 else ' has'} no price"
        effect = "Their cost stays unknown, and counts for nothing in routing."
        yield Notice(what, effect, link, DEPLOYMENTS, "unpriced", "Set prices")
    if open_ones := counts.get("open"):
        link = f"{reverse('admin:providers_priceproposal_changelist')}?state__exact=open"
        what = f"{open_ones} price{'s differ' if open_ones > 1 else ' differs'} from a public list"
        effect = "Costs and budgets go by ours until it is accepted."
        yield Notice(what, effect, link, "providers.view_priceproposal", "price", "Compare them")


def _counted(name: str, rows: QuerySet[Any]) -> QuerySet[Any, tuple[str, int]]:
    """One row of a name and how many there are, which another such may be added to."""
    named = rows.order_by().annotate(name=Value(name)).values("name")
    return named.annotate(count=Count("pk")).values_list("name", "count")


def _of_provider(provider: Provider) -> Iterator[Notice]:
    link = reverse("admin:providers_provider_change", args=[provider.pk])
    if not provider.live:  # type: ignore[attr-defined]
        yield Notice(f"{provider} has no enabled deployment", "Nothing is routed to it.", link, PROVIDERS)
    needs_key = not provider.local and provider.source != Provider.Source.SANDBOX
    if needs_key and not provider.keys:  # type: ignore[attr-defined]
        yield Notice(f"{provider} has no enabled credential", "It is called without a key.", link, PROVIDERS)
