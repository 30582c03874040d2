"""What is on offer, for people to read? The data plane reads `providers.catalog`, never this."""

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat, Lower, StrIndex
from django.utils import timezone
from msgspec import Struct

from providers.embeddings import only_embeds
from providers.models import Deployment, LanguageModel, Provider, in_use
from providers.pricerows import DeploymentPrice
from providers.prices import with_prices
from providers.realms import APART


class ModelOffer(Struct, frozen=True):
    """One deployment as a reader sees it. Prices are USD per million tokens; None is unknown."""

    model: str
    enabled: bool
    context: int | None
    capabilities: tuple[str, ...]
    input_price: Decimal | None
    output_price: Decimal | None


class ChatModel(Struct, frozen=True):
    """One deployment as callers name it; `aliases` are the other names that lead to it, as in `providers.catalog`."""

    provider: str
    model: str
    aliases: frozenset[str]


class ProviderOffer(Struct, frozen=True):
    """One provider with its models, the callable ones first."""

    name: str
    wire: str
    enabled: bool
    local: bool
    sandbox: bool
    models: tuple[ModelOffer, ...]

    @property
    def callable(self) -> int:
        """How many of its models can be asked for."""
        return sum(model.enabled for model in self.models) if self.enabled else 0


def offers() -> list[ProviderOffer]:
    """Every provider, the callable ones first, in two queries."""
    deployments = Deployment.objects.select_related("model").order_by("-enabled", "model__name")
    by_provider: dict[int, list[Deployment]] = {}
    for deployment in with_prices(deployments, timezone.now()):
        by_provider.setdefault(deployment.provider_id, []).append(deployment)
    found = [_offer(provider, by_provider.get(provider.pk, ())) for provider in _providers()]
    return sorted(found, key=lambda offer: not offer.callable)


def chat_models() -> list[ChatModel]:
    """Everything that is switched on and answers chats, in one query."""
    live = Deployment.objects.filter(enabled=True, provider__enabled=True).exclude(provider__source__in=APART)
    columns = ("provider__name", "model__name", "upstream_model", "model__aliases", "capabilities")
    rows = list(live.order_by("model__name", "provider__name").values_list(*columns))
    models = {row[1] for row in rows}
    found = []
    for provider, model, upstream, aliases, skills in rows:
        if not only_embeds(skills):
            whole = {f"{provider}/{alias}" for alias in (*aliases, upstream)}
            found.append(ChatModel(provider, model, frozenset(whole | {*aliases} - models)))
    return found


def dearest_models(limit: int) -> list[str]:
    """The models in use whose answers cost most per token now, the dearest first; in one query."""
    begun = DeploymentPrice.objects.filter(effective_from__lte=timezone.now())
    later = begun.filter(deployment=OuterRef("deployment"), effective_from__gt=OuterRef("effective_from"))
    live = begun.filter(~Exists(later), output__gt=0, deployment__enabled=True, deployment__provider__enabled=True)
    ordered = live.exclude(deployment__provider__source__in=APART).order_by(
        "-output", "-input", "deployment__model__name"
    )
    names = ordered.values_list("deployment__model__name", flat=True)
    return list(dict.fromkeys(names[: limit * 4]))[:limit]  # several providers may have the same one


def _providers() -> "QuerySet[Provider]":
    """Those of the drill and of the sample traffic are there for minutes and offer nothing."""
    return Provider.objects.exclude(source__in=APART).order_by("name")


def _offer(provider: Provider, deployments: Iterable[Deployment]) -> ProviderOffer:
    return ProviderOffer(
        name=provider.name,
        wire=provider.wire,
        enabled=provider.enabled,
        local=provider.local,
        sandbox=provider.source == Provider.Source.SANDBOX,
        models=tuple(_model(deployment) for deployment in deployments),
    )


def _model(deployment: Deployment) -> ModelOffer:
    return ModelOffer(
        model=deployment.model.name,
        enabled=deployment.enabled,
        context=deployment.context,
        capabilities=tuple(deployment.capabilities),
        input_price=deployment.input_price,  # type: ignore[attr-defined]  # with_prices
        output_price=deployment.output_price,  # type: ignore[attr-defined]
    )


class Upstream(Struct, frozen=True):
    """One provider, and how many of its credentials and deployments are in use."""

    id: int
    name: str
    wire: str
    enabled: bool
    local: bool
    sandbox: bool
    credentials: int
    deployments: int


def upstreams() -> list[Upstream]:
    """Every provider by name, in one query."""
    rows = _providers().annotate(
        keys=Count("credentials", filter=in_use(timezone.now(), "credentials__"), distinct=True),
        live=Count("deployments", filter=Q(deployments__enabled=True), distinct=True),
    )
    fields = rows.values_list("pk", "name", "wire", "enabled", "local", "source", "keys", "live")
    return [
        Upstream(pk, name, wire, enabled, local, source == Provider.Source.SANDBOX, keys, live)
        for pk, name, wire, enabled, local, source, keys, live in fields
    ]


def served_by_nobody_else(provider: Provider, deployment: Deployment | None = None) -> list[str]:
    """The models that only this provider serves now, by name; with `deployment`, of that one."""
    live = Deployment.objects.filter(enabled=True, provider__enabled=True)
    others = live.exclude(provider=provider).values("model")
    names = live.filter(provider=provider).exclude(model__in=others).order_by("model__name")
    names = names.filter(pk=deployment.pk) if deployment else names
    return list(names.values_list("model__name", flat=True))


class Standing(Struct, frozen=True):
    """A deployment as it is configured: its row's id, and whether it is in use, by itself and with its provider."""

    id: int
    enabled: bool
    provider_enabled: bool

    @property
    def used(self) -> bool:
        return self.enabled and self.provider_enabled


def providers_called(text: str, limit: int) -> list[str]:
    """Up to `limit` names of providers that hold `text`, those that begin with it first."""
    return called(Provider.objects.all(), "name", text, limit)


def models_called(text: str, limit: int) -> list[str]:
    """As `providers_called`, of models."""
    return called(LanguageModel.objects.all(), "name", text, limit)


def aliases_called(text: str, limit: int) -> list[tuple[str, str]]:
    """Aliases that hold `text`, whatever the case, each with the model that it leads to; one query."""
    rows = LanguageModel.objects.annotate(written=Cast("aliases", TextField())).filter(written__icontains=text)
    named = rows.order_by("name").values_list("name", "aliases")[:limit]
    found = [(alias, name) for name, aliases in named for alias in aliases if text.casefold() in alias.casefold()]
    return found[:limit]


def deployments_called(text: str, limit: int) -> list[str]:
    """As `providers_called`, of deployments: provider/model."""
    rows = Deployment.objects.annotate(called=Concat("provider__name", Value("/"), "model__name"))
    return called(rows, "called", text, limit)


def called(rows: "QuerySet[Any]", column: str, text: str, limit: int) -> list[str]:
    """The names in a column that hold `text`, whatever the case, those that begin with it first; one query."""
    found = rows.order_by(column)
    if text:
        place = StrIndex(Lower(column), Lower(Value(text)))
        found = rows.filter(**{f"{column}__icontains": text}).order_by(place, column)
    return list(found.values_list(column, flat=True)[:limit])


def provider_names() -> list[str]:
    """Every provider's name, in order."""
    return list(Provider.objects.order_by("name").values_list("name", flat=True))


def model_names() -> list[str]:
    """Every model's name, in order."""
    return list(LanguageModel.objects.order_by("name").values_list("name", flat=True))


def model_ids() -> dict[str, int]:
    """Map each model's name to its id."""
    return dict(LanguageModel.objects.values_list("name", "id"))


def deployment_ids() -> dict[str, int]:
    """Map provider/model to the deployment's id."""
    rows = Deployment.objects.values_list("provider__name", "model__name", "id")
    return {f"{provider}/{model}": pk for provider, model, pk in rows}


def deployments_near(names: Collection[str]) -> "QuerySet[Deployment]":
    """Those called `provider/model` by one of `names`, by indexes; with others whose words both stand in them."""
    providers, models = ({name.partition("/")[part] for name in names} for part in (0, 2))
    return Deployment.objects.filter(provider__name__in=providers, model__name__in=models)


def standings(names: Collection[str] | None = None) -> dict[str, Standing]:
    """Every deployment, or all near `names`, by `provider/model`, without the resilience drill's own."""
    rows = Deployment.objects.all() if names is None else deployments_near(names)
    rows = rows.exclude(provider__source__in=APART)
    columns = ("provider__name", "model__name", "id", "enabled", "provider__enabled")
    return {f"{provider}/{model}": Standing(*rest) for provider, model, *rest in rows.values_list(*columns)}


def deployments_in_use() -> list[str]:
    """`provider/model` of all that is switched on."""
    return [name for name, one in standings().items() if one.used]


def deployments_off() -> set[str]:
    """`provider/model` of all that is switched off, by itself or with its provider."""
    return {name for name, one in standings().items() if not one.used}


def names_of_models(provider: str) -> dict[str, str]:
    """Map a provider's names of its models, in lower case, to ours."""
    rows = Deployment.objects.filter(provider__name=provider).values_list("upstream_model", "model__name")
    return {upstream.lower(): name for upstream, name in rows}
