"""/api/admin/deployments: one model at one provider, with its price, skills and time limits."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from msgspec import Struct, UnsetType
from rest_framework.decorators import action

from providers.models import Deployment, LanguageModel, Provider
from providers.prices import histories
from providers.realms import APART
from providers.revisions import CATALOG
from routing import acts
from routing.api.operator.applying import OneChange, fields_of, fitted
from routing.api.operator.documents import MATCH, ONCE, Reason, documented, told_once
from routing.api.operator.paging import Filter, flag
from routing.api.operator.resource import References, Resource, Rows, columns
from routing.configfile import schema
from routing.configfile.deploymentpart import put_deployments
from routing.configfile.pricepart import exported_price
from routing.configfile.stored import stored_rows
from tenants.errors import Forbidden

SAME = (
    "upstream_model", "enabled", "context", "max_output", "capabilities", "quantization", "unsupported", "quality",
    "ttft_ms", "tokens_per_s", "retries",
)  # fmt: skip


EXAMPLE = {
    "provider": "acme", "model": "gpt-5-mini", "context": 128_000, "capabilities": ["tools"],
    "price": {"input": 0.25, "output": 2},
}  # fmt: skip


class DeploymentRow(Struct):
    """A deployment as it is kept. Null is unknown; a null time limit is left to the kind of deployment.

    `price`: USD per million tokens in effect now, a list where others are planned, null where it is unknown.
    """

    id: int
    name: str
    provider: str
    model: str
    upstream_model: str
    enabled: bool
    context: int | None
    max_output: int | None
    capabilities: list[str]
    quantization: str
    unsupported: str
    quality: float | None
    ttft_ms: float | None
    tokens_per_s: float | None
    retries: int
    timeouts: dict[str, float | None]
    price: dict[str, Any] | list[dict[str, Any]] | None


class DeploymentBody(schema.Deployment, kw_only=True):
    """A deployment; what is left out stays, a `model` that is new is made. `price`: USD per million tokens."""

    provider: schema.ProviderName


@documented(DeploymentRow, EXAMPLE, {"price": {"input": 0.2, "output": 1.6}, "reason": "acme is cheaper now"})
class Deployments(Resource):
    """What is called, priced and cooled down."""

    model, part, body = Deployment, CATALOG, DeploymentBody
    place = "providers[0].deployments[0]"
    identity = ("provider", "model")
    filters = {
        "provider": Filter("provider__name"),
        "model": Filter("model__name"),
        "q": Filter("upstream_model__icontains"),
        "enabled": flag("enabled"),
    }
    orders = {"id": "id", "provider": "provider__name", "model": "model__name", "context": "context"}

    def rows(self) -> QuerySet[Any]:
        return Deployment.objects.exclude(provider__source__in=APART).select_related("provider", "model")

    def named(self, body: Any) -> QuerySet[Any]:
        return Deployment.objects.filter(provider__name=body.provider, model__name=body.model)

    def held(self, row: Any) -> dict[str, Any]:
        return {"provider": row.provider.name, "model": row.model.name}

    def told(self, rows: Rows) -> Rows:
        now, prices = timezone.now(), histories([row.pk for row in rows])
        phases = schema.Timeouts.__struct_fields__
        return [
            DeploymentRow(
                id=row.pk,
                name=str(row),
                provider=row.provider.name,
                model=row.model.name,
                **columns(row, SAME),
                timeouts={phase: getattr(row, f"{phase}_timeout_s") for phase in phases},
                price=exported_price(prices.get(row.pk, ()), now),
            )
            for row in rows
        ]

    def rights(self, body: Any) -> tuple[str, ...]:
        priced = () if isinstance(body.price, UnsetType) else ("providers.add_deploymentprice",)
        known = LanguageModel.objects.filter(name=body.model).exists()
        return priced if known else (*priced, "providers.add_languagemodel")

    def references(self) -> dict[str, References]:
        return {"provider": (self._providers(), "providers")}

    def write(self, changes: OneChange, body: Any) -> None:
        provider = get_object_or_404(self._providers(), name=body.provider)
        wanted = schema.Deployment(**fields_of(body, "provider"))
        spec = schema.Provider(name=provider.name, deployments=[wanted])
        put_deployments(changes, "providers[0]", spec, provider, stored_rows())

    @told_once(
        DeploymentRow,
        "Deployment",
        "openBreaker",
        "Leave it alone for a minute, in every worker; then a probe decides",
        {"reason": "its answers are wrong"},
    )
    @action(detail=True, methods=["post"], url_path="open-breaker")
    def open_breaker(self, request: HttpRequest, pk: str) -> HttpResponse:
        return self._done("open", pk)

    @told_once(
        DeploymentRow,
        "Deployment",
        "resetHealth",
        "Make every worker forget cooldowns and barred credentials",
        {"reason": "acme says that it is mended"},
    )
    @action(detail=True, methods=["post"], url_path="reset-health")
    def reset_health(self, request: HttpRequest, pk: str) -> HttpResponse:
        return self._done("reset", pk)

    @told_once(
        DeploymentRow,
        "Deployment",
        "drain",
        "Take it out of use; what runs on it ends by itself",
        {"reason": "maintenance until noon"},
        parameters=[MATCH, ONCE],
    )
    @action(detail=True, methods=["post"])
    def drain(self, request: HttpRequest, pk: str) -> HttpResponse:
        return self._done("drain", pk)

    def _done(self, act: acts.Act, pk: str) -> HttpResponse:
        if not acts.may(self.operator.may, act):
            raise Forbidden(f"this account lacks the right {acts.RIGHTS[act][-1]}; an owner can give it in admin")
        why = fitted(self.data(), Reason)
        with transaction.atomic():
            row = self.locked(pk)
            acts.do(act, row, self.operator.actor, why.reason)
        return self.shown(row)

    def _providers(self) -> QuerySet[Provider]:
        return Provider.objects.exclude(source__in=APART)
