"""How a client key is replaced without an outage: the new one works at once, the old one for a chosen while longer."""

from datetime import datetime, timedelta

from django.db import transaction

from tenants import keys
from tenants.callers import LIMITS, Limits
from tenants.models import ClientKey


def rotate(key: ClientKey, overlap: timedelta, now: datetime) -> tuple[ClientKey, str]:
    """Issue a key with the name, rights, limits, scope and lifetime of `key`; return it with its value, shown once.

    The old key is renamed after its prefix, so that the name stays with the key in use, and ends after `overlap`.
    """
    name = key.name
    lifetime = key.expires_at - key.created_at if key.expires_at else None
    ends = now + overlap
    with transaction.atomic():
        key.name = f"{name[:46]}~{key.prefix}"
        key.expires_at = min(key.expires_at, ends) if key.expires_at else ends
        key.save(update_fields=["name", "expires_at"])
        expires_at = now + lifetime if lifetime else None
        limits = Limits(*(getattr(key, limit) for limit in LIMITS))
        return keys.issue(
            key.tenant,
            name,
            operator=key.operator,
            expires_at=expires_at,
            limits=limits,
            scope=key.scope,
            owner=key.owner,
        )
