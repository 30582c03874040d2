"""Which key does a person's browser call the data plane with? One of its own, lent for minutes.

A page that asks models does it as an application does, with a client key, so that limits, budgets, records and the
tenant's rules hold for it too. The key is lent to one person for one tenant: one row per pair, however often it is
lent, each time with a new value that ends the one before. Fifteen minutes, because a right that is taken from the
person ends with the key and not sooner; the page asks anew, and the right is then looked at again.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from providers import audit
from providers.revisions import TENANTS, bump
from tenants.callers import Limits
from tenants.errors import KeyWithheld
from tenants.keyring import keyring
from tenants.keys import prepare
from tenants.models import ClientKey, Tenant

LIFE: Final = timedelta(minutes=15)
LIMITS: Final = Limits(requests_per_minute=60, concurrent_requests=8)
LONGEST_NAME: Final = 40  # of a person, within the name of the key


def lend(tenant: Tenant, person: Any, actor: audit.Actor, now: datetime) -> tuple[ClientKey, str]:
    """The person's key for this tenant with a new value, which is told once; raises `KeyWithheld`.

    This process knows the key when the call returns, others within a second.
    """
    with transaction.atomic():
        Tenant.objects.select_for_update().get(pk=tenant.pk)  # two tabs make one key, one after the other
        fresh, plain = prepare(tenant, _name(tenant, person), expires_at=now + LIFE, limits=LIMITS)
        fresh.lent_to = person
        kept = ClientKey.objects.filter(tenant=tenant, lent_to=person).first()
        if kept is not None and kept.revoked_at is not None:
            raise KeyWithheld(f"your playground key of {tenant} was revoked, and revoked is for good")
        before = audit.state(kept) if kept else None
        if kept is not None:
            fresh.pk, fresh.name, fresh.created_at = kept.pk, kept.name, kept.created_at
        fresh.save()
        audit.record(actor, "lent", fresh, audit.difference(before, audit.state(fresh)), "playground")
        bump(TENANTS)
    keyring.reload()
    return fresh, plain


def _name(tenant: Tenant, person: Any) -> str:
    """`playground-ana`; with the person's number where an application's key is called so."""
    name = f"playground-{person.get_username()[:LONGEST_NAME]}"
    taken = ClientKey.objects.filter(tenant=tenant, name=name).exclude(lent_to=person).exists()
    return f"{name}-{person.pk}" if taken else name
