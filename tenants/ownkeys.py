"""What may people do with the client keys that they made themselves? Each deed is audited, in its own transaction."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import QuerySet

from providers import audit
from tenants import keys
from tenants.authority import authority_of, sentence
from tenants.callers import Scope
from tenants.keyring import know_at_once
from tenants.models import ClientKey, Tenant, own
from tenants.rotation import rotate
from tenants.sight import Sight, seen

RIGHTS: Final[Mapping[str, str]] = {
    "new": "tenants.add_clientkey",
    "rotate": "tenants.rotate_key",
    "revoke": "tenants.change_clientkey",
}


def own_keys(person: int | None, sight: Sight) -> QuerySet[ClientKey]:
    """The keys that a person made, of tenants in sight; a key of the operator API is for who sees every tenant."""
    rows = ClientKey.objects.filter(own("tenant__"), owner=person, owner__isnull=False, lent_to=None)
    rows = rows.select_related("tenant", "owner")
    return seen(rows if sight is None else rows.filter(operator=False), sight, "tenant")


def why_not_replaced(rows: Iterable[ClientKey], person: int | None) -> str:
    """Why a person may not rotate those of `rows` that are keys of the operator API; empty: they may."""
    if person is None or not any(row.operator for row in rows):
        return ""
    why = authority_of(get_user_model().objects.get(pk=person)).why_no_operator_key()
    return f"{sentence(why)} Who rotates it gets to know its value." if why else ""


@transaction.atomic
def make(
    tenant: Tenant,
    name: str,
    person: Any,
    expires_at: datetime | None,
    scope: Scope,
    actor: audit.Actor,
    reason: str,
) -> tuple[ClientKey, str]:
    """A key of the person's own, and its value, which is told once."""
    made, plain = keys.issue(tenant, name, expires_at=expires_at, scope=scope, owner=person)
    know_at_once()
    audit.record(actor, "added", made, audit.added(made), reason)
    return made, plain


@transaction.atomic
def replace(
    key: ClientKey, overlap: timedelta, now: datetime, actor: audit.Actor, reason: str
) -> tuple[ClientKey, str]:
    """The key's successor, and its value, which is told once; the key itself goes on for `overlap`."""
    before = audit.state(key)
    made, plain = rotate(key, overlap, now)
    know_at_once()
    audit.record(actor, "rotated", key, audit.difference(before, audit.state(key)), reason)
    audit.record(actor, "added", made, audit.added(made), reason)
    return made, plain


@transaction.atomic
def end(key: ClientKey, actor: audit.Actor, reason: str) -> None:
    """Revoke the key for good."""
    before = audit.state(key)
    keys.revoke(key)
    know_at_once()
    audit.record(actor, "revoked", key, audit.difference(before, audit.state(key)), reason)
