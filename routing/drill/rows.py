"""What does a drill add to the configuration, and how is it taken away again?

Everything is marked as the drill's, so that nobody else sees it; a drill that was killed leaves rows that the next one
sweeps away. The tenant stays, switched off: its name stands in the records.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.db import transaction
from msgspec import Struct, structs

from providers.models import Credential, Deployment, DeploymentPrice, LanguageModel, Provider
from providers.pricerows import BEGINNING
from providers.revisions import CATALOG, POLICIES, TENANTS, bump
from providers.secrets import last_four, seal
from routing.drill.casting import FALLBACK_USD, PRIMARY_USD, Part
from routing.drill.scenario import FALLBACK, PRIMARY
from routing.drill.upstreams import WIRE
from routing.models import Policy
from tenants.keys import issue
from tenants.models import ClientKey, Tenant

TENANT: Final = "resilience drill"  # an operator's names have neither spaces nor colons
PLAIN: Final = "drill:plain"
RECOVERING: Final = "drill:recovering"
SECRET: Final = "sk-drill-no-secret"


class Casting(Struct, frozen=True):
    """One take's upstreams with their addresses, under the name of its model."""

    model: str
    primary: tuple[Part, str]
    fallback: tuple[Part, str] | None


@transaction.atomic
def put_up(castings: Iterable[Casting], key_expires_at: datetime) -> str:
    """Add what the takes need; return the client key of the drill."""
    sweep()
    order = []
    for casting in castings:
        model = LanguageModel.objects.create(name=casting.model)
        order.append(_deploy(model, PRIMARY, *casting.primary))
        if casting.fallback:
            _deploy(model, FALLBACK, *casting.fallback)
    for name in (PLAIN, RECOVERING):
        Policy.objects.create(name=name, kind="ordered", order=order, recovery=name == RECOVERING, drill=True)
    tenant, _ = Tenant.objects.get_or_create(drill=True, defaults={"name": TENANT, "default_policy": PLAIN})
    Tenant.objects.filter(pk=tenant.pk).update(enabled=True)
    return issue(tenant, "drill", expires_at=key_expires_at)[1]


@transaction.atomic
def sweep() -> None:
    """Take away what a drill has added."""
    LanguageModel.objects.filter(deployments__provider__source=Provider.Source.DRILL).delete()
    Provider.objects.filter(source=Provider.Source.DRILL).delete()
    Policy.objects.filter(drill=True).delete()
    ClientKey.objects.filter(tenant__drill=True).delete()
    Tenant.objects.filter(drill=True).update(enabled=False)
    for part in (CATALOG, POLICIES, TENANTS):
        bump(part)


def _deploy(model: LanguageModel, role: str, part: Part, base_url: str) -> str:
    """A provider with its one deployment; return the deployment's name."""
    provider = Provider.objects.create(
        name=model.name + role, wire=WIRE, base_url=base_url, allow_private=True, source=Provider.Source.DRILL
    )
    Credential.objects.create(provider=provider, ciphertext=seal(SECRET), last_four=last_four(SECRET))
    usd = PRIMARY_USD if role == PRIMARY else FALLBACK_USD
    limits = {name: value for name, value in structs.asdict(part.limits).items() if value is not None}
    row = Deployment.objects.create(
        provider=provider,
        model=model,
        upstream_model="sandbox-mini",
        context=part.context,
        capabilities=["prefill"] if part.continues else [],
        **limits,
    )
    DeploymentPrice.objects.create(deployment=row, effective_from=BEGINNING, input=usd[0], output=usd[1])
    return str(row)
