"""What does sample traffic add to the configuration, and how is it taken away again?

The upstreams are there only while they are asked. The tenant, its revoked keys and its budget stay with the records.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from django.db import transaction
from django.utils import timezone

from providers.adoption import add_models
from providers.models import Credential, LanguageModel, Provider
from providers.realms import DEMO
from providers.revisions import CATALOG, TENANTS, bump
from providers.secrets import last_four, seal
from routing.demo.upstreams import Upstream
from tenants.budgets import NANO_PER_USD, Budget, BudgetWindow
from tenants.keys import issue
from tenants.models import ClientKey, Tenant
from tenants.periods import ALWAYS, Period
from usage import retelling
from usage.outcomes import Outcome

TENANT: Final = "demo"
SECRET: Final = "sk-demo-no-secret"
SHARE: Final = Decimal("0.7")  # of the budget, that the sample has spent


class NameTaken(RuntimeError):
    """A tenant that somebody configured has the name of the sample's."""


def tenant_of_sample() -> Tenant | None:
    return Tenant.objects.filter(demo=True).first()


def make_tenant(policy: str) -> tuple[Tenant, bool]:
    """The sample's tenant, and whether it is new; raises `NameTaken`."""
    if Tenant.objects.filter(name=TENANT, demo=False).exists():
        raise NameTaken(f"A tenant of yours is called {TENANT}. The sample's has this name too: rename yours first.")
    return Tenant.objects.get_or_create(demo=True, defaults={"name": TENANT, "default_policy": policy})


@transaction.atomic
def put_up(tenant: Tenant, upstreams: Iterable[Upstream], keys: Sequence[str], expires_at: datetime) -> list[str]:
    """Begin anew: add upstreams and client keys of these names; return the keys."""
    retelling.forget(tenant.pk)
    tenant.budgets.all().delete()
    ClientKey.objects.filter(tenant=tenant).delete()
    take_down()
    for each in upstreams:
        provider = Provider.objects.create(
            name=each.name,
            wire=each.wire,
            base_url=each.base_url,
            allow_private=True,
            local=each.wire == "ollama",
            source=DEMO,
        )
        Credential.objects.create(provider=provider, ciphertext=seal(SECRET), last_four=last_four(SECRET))
        add_models(provider, each.models)
    return [issue(tenant, name, expires_at=expires_at)[1] for name in keys]


@transaction.atomic
def take_down() -> None:
    """Take the upstreams away, and let no key of the sample work any more."""
    LanguageModel.objects.filter(deployments__provider__source=DEMO).delete()
    Provider.objects.filter(source=DEMO).delete()
    ClientKey.objects.filter(tenant__demo=True, revoked_at=None).update(revoked_at=timezone.now())
    for part in (CATALOG, TENANTS):
        bump(part)


@transaction.atomic
def remove(tenant: Tenant) -> int:
    """Take away all that there is of the sample; return how many requests there were."""
    take_down()
    requests = retelling.forget(tenant.pk)
    tenant.delete()
    bump(TENANTS)
    return requests


def add_budget(tenant: Tenant, told: Sequence[Outcome], since: datetime) -> None:
    """A budget of which the sample has spent a share: what its records cost, since the first of them."""
    spent = sum(one.cost_nano_usd or 0 for one in told)
    limit = (Decimal(spent) / NANO_PER_USD / SHARE).quantize(Decimal("0.01")) if spent else Decimal(1)
    budget = Budget.objects.create(
        tenant=tenant, limit_usd=limit, period=Period.TOTAL.value, kind=Budget.Hard.SOFT, alerts=[]
    )
    Budget.objects.filter(pk=budget.pk).update(created_at=since)
    BudgetWindow.objects.create(budget=budget, start=ALWAYS.start, spent=spent)
