"""What about the upstreams needs an operator? And the shape of such a notice, for every app."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Value
from django.urls import reverse
from msgspec import Struct

from providers.models import (
    AuditEntry,
    Deployment,
    DeploymentPrice,
    PriceListReading,
    PriceProposal,
    Provider,
    in_use,
)
from providers.ownprices import own_prices
from providers.prices import histories, unpriced
from providers.pricesync import differences
from providers.realms import APART

PROVIDERS, DEPLOYMENTS = "providers.view_provider", "providers.view_deployment"
LATELY: Final = timedelta(days=7)  # changes are told for so long
LIST_LASTS: Final = timedelta(days=3)  # a public price list is read once a day
OWN_LIST_LASTS: Final = timedelta(days=90)  # vendors change prices every few months
SHOWN: Final = 10  # of a kind
QUALITY: Final = ("quality", "category_quality")


class Notice(Struct, frozen=True, omit_defaults=True):
    """One thing to look at: what, what it means, where to mend it, and the permission that its page asks for.

    `about` is a key that stays the same as long as it is the same thing, whoever tells it. `level` is a badge's state,
    `verb` what the link says. `since` is a fact, None where none says so, and with `before` it began earlier than
    anybody looked; `found` is when a check first met it. At stake within a day are `requests` or `nano_usd` (None:
    unknown), else the requests of `traffic`: a provider, or provider/model. `tenant` is whose it is; what is `shared`
    says nothing of anybody's requests, so that who sees some tenants is told too.
    """

    what: str
    effect: str
    link: str
    permission: str = ""  # empty: everybody who is signed in
    level: str = "setup"
    verb: str = "Its settings"
    about: str = ""
    since: datetime | None = None
    found: datetime | None = None
    requests: int | None = None
    nano_usd: int | None = None
    traffic: str = ""
    tenant: int | None = None
    shared: bool = False
    before: bool = False


def failing(deployment: str) -> str:
    """What a notice is about that says that a deployment fails, or is not called as it did."""
    return f"failing {deployment}"


def outage(provider: str) -> str:
    """What a notice is about that says that a provider cannot be reached, nor any deployment there."""
    return f"outage {provider}"


def unpriced_use(deployment: str) -> str:
    """What a notice is about that says that a deployment works at unknown cost."""
    return f"unpriced {deployment}"


def notices(now: datetime) -> Iterator[Notice]:
    """Six queries at most, whatever the size of the catalog."""
    live = Count("deployments", filter=Q(deployments__enabled=True), distinct=True)
    keys = Count("credentials", filter=in_use(now, "credentials__"), distinct=True)
    providers = list(Provider.objects.filter(enabled=True).exclude(source__in=APART).annotate(live=live, keys=keys))
    if not providers:
        link = reverse("admin:providers_provider_add")
        yield _shared(
            "No provider is enabled",
            "Every request is refused.",
            link,
            "providers.add_provider",
            "refused",
            verb="Add one",
            about="no provider",
        )
    for provider in providers:
        yield from _of_provider(provider)
    yield from _of_prices(now)
    yield from _of_lists(now)
    yield from _changed_prices(now)
    yield from _changed_quality(now)


def _shared(*said: Any, **more: Any) -> Notice:
    """A notice that says nothing of anybody's requests."""
    return Notice(*said, **{**more, "shared": True})


def _of_prices(now: datetime) -> Iterator[Notice]:
    live = Deployment.objects.filter(enabled=True, provider__enabled=True).exclude(provider__source__in=APART)
    opened = PriceProposal.objects.filter(state=PriceProposal.State.OPEN)
    counts = dict(_counted("unpriced", unpriced(live, now)).union(_counted("open", opened)))
    if count := counts.get("unpriced"):
        link = f"{reverse('admin:providers_deployment_changelist')}?enabled__exact=1&price=unknown"
        what = f"{count} enabled deployment{'s have' if count > 1 else ' has'} no price"
        effect = "Their cost stays unknown, and counts for nothing in routing."
        yield _shared(what, effect, link, DEPLOYMENTS, "setup", "Set prices", "deployments without price")
    if open_ones := counts.get("open"):
        link = f"{reverse('admin:providers_priceproposal_changelist')}?state__exact=open"
        what = f"{open_ones} price{'s differ' if open_ones > 1 else ' differs'} from a public list"
        effect = "Costs and budgets go by ours until it is accepted."
        since = opened.order_by("pk").values_list("reading__read_at", flat=True).first()
        yield _shared(
            what, effect, link, "providers.view_priceproposal", "price", "Compare them", "price proposals", since
        )


def _of_lists(now: datetime) -> Iterator[Notice]:
    """The list that PRICE_LIST names, where it was not read for days; without one, ours, where it is old."""
    if settings.PRICE_LIST:
        read = PriceListReading.objects.order_by("-id").values_list("read_at", flat=True).first()
        if read is not None and now - read > LIST_LASTS:
            link = f"{reverse('admin:profiling_job_changelist')}?kind=price_list"
            what = f"The public price list was last read on {read:%Y-%m-%d}"
            effect = "Prices that changed since then are not proposed."
            yield _shared(what, effect, link, "profiling.view_job", "stale", "The runs", "price list", read)
        return
    of = datetime.combine(own_prices().checked_on, datetime.min.time(), now.tzinfo)
    if now - of > OWN_LIST_LASTS:
        what = f"The shipped price catalogue was last compared on {of:%Y-%m-%d}"
        effect = "New deployments get its prices. PRICE_LIST names a public list to compare with every day."
        link = reverse("admin:providers_deployment_changelist")
        yield _shared(what, effect, link, DEPLOYMENTS, "stale", "Prices", "price list", of + OWN_LIST_LASTS)


def _changed_prices(now: datetime) -> Iterator[Notice]:
    """Prices that took the place of another within a week."""
    earlier = DeploymentPrice.objects.filter(
        deployment=OuterRef("deployment"), effective_from__lt=OuterRef("effective_from")
    )
    begun = DeploymentPrice.objects.filter(Exists(earlier), effective_from__gt=now - LATELY, effective_from__lte=now)
    rows = list(begun.select_related("deployment__provider", "deployment__model").order_by("-effective_from")[:SHOWN])
    before = histories({row.deployment_id for row in rows}) if rows else {}
    for row in rows:
        last = [each for each in before[row.deployment_id] if each.effective_from < row.effective_from][-1]
        said = ", ".join(differences(last.usd, row.usd))
        if said:
            link = reverse("admin:providers_deployment_change", args=[row.deployment_id])
            effect = f"{said}; USD per million tokens. Costs from then on go by it."
            about = f"price {row.deployment_id} {row.effective_from.isoformat()}"
            yield _shared(
                f"{row.deployment}: its price changed",
                effect,
                link,
                DEPLOYMENTS,
                "changed",
                "Its prices",
                about,
                row.effective_from,
                traffic=str(row.deployment),
            )


def _changed_quality(now: datetime) -> Iterator[Notice]:
    """What the audit log says of priors of quality that were changed within a week, each row's last change."""
    told = Q(changes__has_key=QUALITY[0]) | Q(changes__has_key=QUALITY[1])
    kinds = {"model": "languagemodel", "deployment": "deployment"}
    rows = AuditEntry.objects.filter(told, at__gt=now - LATELY, kind__in=kinds, action="changed").order_by("-id")
    met: dict[tuple[str, str], AuditEntry] = {}
    for row in rows[: 5 * SHOWN]:
        met.setdefault((row.kind, row.object_id), row)
    for row in list(met.values())[:SHOWN]:
        said = ", ".join(
            f"{name.replace('_', ' of a ')} {old} -> {new}"
            for name in QUALITY
            for old, new in [row.changes.get(name, (None, None))]
            if old != new
        )
        link = reverse(f"admin:providers_{kinds[row.kind]}_change", args=[row.object_id])
        effect = f"{said}, by {row.actor}. Policies that weigh quality choose by it."
        traffic = row.object_name if row.kind == "deployment" else ""
        yield _shared(
            f"{row.object_name}: its quality changed",
            effect,
            link,
            f"providers.view_{kinds[row.kind]}",
            "changed",
            "Its settings",
            f"quality {row.pk}",
            row.at,
            traffic=traffic,
        )


def _counted(name: str, rows: QuerySet[Any]) -> QuerySet[Any, tuple[str, int]]:
    """One row of a name and how many there are, which another such may be added to."""
    named = rows.order_by().annotate(name=Value(name)).values("name")
    return named.annotate(count=Count("pk")).values_list("name", "count")


def _of_provider(provider: Provider) -> Iterator[Notice]:
    link, about = reverse("admin:providers_provider_change", args=[provider.pk]), f"provider {provider.pk}"
    if not provider.live:  # type: ignore[attr-defined]
        what = f"{provider} has no enabled deployment"
        yield _shared(what, "Nothing is routed to it.", link, PROVIDERS, about=f"{about} without deployment")
    needs_key = not provider.local and provider.source != Provider.Source.SANDBOX
    if needs_key and not provider.keys:  # type: ignore[attr-defined]
        what = f"{provider} has no enabled credential"
        yield _shared(
            what,
            "It is called without a key.",
            link,
            PROVIDERS,
            about=f"{about} without credential",
            traffic=provider.name,
        )
