"""What is in the catalogue, line by line, for people to read? By model and provider, or in another order."""

from collections.abc import Sequence
from decimal import Decimal

from django.db.models import Q, QuerySet
from django.utils import timezone
from msgspec import Struct

from providers.models import Deployment
from providers.prices import with_prices
from providers.realms import APART
from providers.selectors import Standing


class CatalogueLine(Struct, frozen=True):
    """One deployment in the catalogue. Prices: USD per million tokens; quality: a prior, 0 to 1; None is unknown."""

    id: int
    model_id: int
    provider_id: int
    model: str
    provider: str
    aliases: tuple[str, ...]
    standing: Standing
    local: bool
    context: int | None
    max_output: int | None
    capabilities: tuple[str, ...]
    input_price: Decimal | None
    output_price: Decimal | None
    quality: float | None

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}"


class CataloguePage(Struct, frozen=True):
    """`after` asks for the page that follows; None on the last."""

    lines: list[CatalogueLine]
    after: int | None


def catalogue(
    provider: str | None = None, model: str | None = None, after: int | None = None, limit: int = 50
) -> CataloguePage:
    """Up to `limit` deployments by model and provider, behind the one whose id is `after`, in at most two queries."""
    rows = _offered(provider, model).select_related("model", "provider")
    if after is not None and (last := Deployment.objects.filter(pk=after).select_related("model", "provider").first()):
        name = last.model.name
        rows = rows.filter(Q(model__name__gt=name) | Q(model__name=name, provider__name__gt=last.provider.name))
    found = list(with_prices(rows, timezone.now()).order_by("model__name", "provider__name")[: limit + 1])
    lines = [_catalogued(deployment) for deployment in found[:limit]]
    return CataloguePage(lines, lines[-1].id if len(found) > limit else None)


class Listed(Struct, frozen=True):
    """What the catalogue is sorted by. Prices: USD per million tokens; None is unknown."""

    id: int
    provider: str
    model: str
    context: int | None
    price: Decimal | None  # of input
    quality: float | None

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}"


def listed(provider: str | None = None, model: str | None = None, priced: bool = False) -> list[Listed]:
    """Every deployment of the catalogue by model and provider, in one query; prices only where `priced`."""
    rows = _offered(provider, model).order_by("model__name", "provider__name")
    if priced:
        rows = with_prices(rows, timezone.now())
    columns = ("pk", "provider__name", "model__name", "context", "quality", "model__quality")
    found = rows.values_list(*columns, *(["input_price"] if priced else []))
    return [
        Listed(pk, provider, model, context, next(iter(price), None), own if own is not None else usual)
        for pk, provider, model, context, own, usual, *price in found
    ]


def catalogued(ids: Sequence[int]) -> list[CatalogueLine]:
    """The lines of these deployments, in this order, in one query."""
    rows = Deployment.objects.filter(pk__in=ids).select_related("model", "provider")
    found = {row.pk: _catalogued(row) for row in with_prices(rows, timezone.now())}
    return [found[pk] for pk in ids if pk in found]


def _offered(provider: str | None, model: str | None) -> "QuerySet[Deployment]":
    """Those of a provider and of a model, None being any; the resilience drill's own are none."""
    rows = Deployment.objects.exclude(provider__source__in=APART)
    rows = rows if provider is None else rows.filter(provider__name=provider)
    return rows if model is None else rows.filter(model__name=model)


def _catalogued(deployment: Deployment) -> CatalogueLine:
    model, provider = deployment.model, deployment.provider
    return CatalogueLine(
        id=deployment.pk,
        model_id=model.pk,
        provider_id=provider.pk,
        model=model.name,
        provider=provider.name,
        aliases=tuple(model.aliases),
        standing=Standing(deployment.pk, deployment.enabled, provider.enabled),
        local=provider.local,
        context=deployment.context,
        max_output=deployment.max_output,
        capabilities=tuple(deployment.capabilities),
        input_price=deployment.input_price,  # type: ignore[attr-defined]  # with_prices
        output_price=deployment.output_price,  # type: ignore[attr-defined]
        quality=deployment.quality if deployment.quality is not None else model.quality,
    )
