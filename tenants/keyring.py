"""Which client key is whose: the snapshot of every live key, and authentication against it."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from django.db import transaction
from django.db.models import TextField
from django.db.models.functions import Cast
from django.utils import timezone

from providers.revisions import TENANTS
from providers.snapshots import Snapshot
from tenants.budgets import Budget
from tenants.callers import LIMITS, NO_LIMITS, BudgetSpec, Caller, Limits, Scope, scope_of
from tenants.errors import Unauthenticated
from tenants.keys import digest, is_plausible
from tenants.models import ClientKey, Tenant

REFUSAL: Final = "Missing or invalid API key: send a valid client key as 'Authorization: Bearer <key>' or 'x-api-key'."
BEARER: Final = b"bearer "
NO_KEY: Final = 0  # no key has this id
SCOPE: Final = ("allow_models", "allow_policies", "allow_routes")
Headers = Mapping[bytes, bytes] | Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Keyring:
    """Digest of a client key -> its bearer."""

    callers: Mapping[str, Caller] = field(repr=False)


def token_of(headers: Headers) -> str | None:
    """The client key that a request presents: Authorization: Bearer, else x-api-key, else api-key.

    Header names come in lower case, as ASGI has them.
    """
    x_api_key = api_key = None
    for name, value in headers.items() if isinstance(headers, Mapping) else headers:
        if name == b"authorization" and value[:7].lower() == BEARER:
            return value[7:].strip().decode("latin-1") or None
        if name == b"x-api-key":
            x_api_key = value
        elif name == b"api-key":
            api_key = value
    token = x_api_key or api_key
    return token.strip().decode("latin-1") or None if token else None


def authenticate(token: str | None, ring: Keyring, now: float) -> Caller:
    """The caller whose key this is; `now` in seconds since the epoch. One refusal for every reason."""
    if token is not None and is_plausible(token):
        caller = ring.callers.get(digest(token))
        if caller is not None and (caller.expires_at is None or now < caller.expires_at):
            return caller
    raise Unauthenticated(REFUSAL)


def load_keyring() -> Keyring:
    """Read every key that is neither revoked nor expired, of every enabled tenant, in three queries."""
    rights = {tenant.pk: _rights(tenant) for tenant in Tenant.objects.filter(enabled=True)}
    budgets = _budgets()
    live = ClientKey.objects.filter(revoked_at=None, tenant__enabled=True).exclude(expires_at__lte=timezone.now())
    # Tuples, not instances: ten thousand keys then take a third of the time, which the event loop shares.
    # The lists of scopes as text: most are alike, and each text is read once.
    texts, scopes = [Cast(name, TextField()) for name in SCOPE], lru_cache(None)(_scope)
    plain = ("digest", "tenant_id", "id", "name", "prefix", "operator", "expires_at")
    rows = live.order_by().values_list(*plain, *texts, *LIMITS)
    return Keyring(
        {
            digest_: Caller(
                key_id=key_id,
                key_name=name,
                key_prefix=prefix,
                operator=operator,
                expires_at=expires_at.timestamp() if expires_at else None,
                budgets=_applying(budgets, tenant_id, key_id),
                key_limits=_limits(rest[len(SCOPE) :]),
                scope=scopes(*rest[: len(SCOPE)]),
                **rights[tenant_id],
            )
            for digest_, tenant_id, key_id, name, prefix, operator, expires_at, *rest in rows
            if tenant_id in rights  # else it was switched on between the queries, and another reload follows
        }
    )


def know_at_once() -> None:
    """Have this process serve by what the running transaction does to keys as soon as it is done: whoever is shown a
    key tries it. Other processes notice within a second."""
    transaction.on_commit(keyring.reload, robust=True)


def caller_of(tenant: Tenant, key: ClientKey | None = None) -> Caller:
    """Who would ask with this key, without its budgets; without a key, whoever asks for the tenant. For pages."""
    if key is None:
        return Caller(key_id=NO_KEY, key_name="", key_prefix="", **_rights(tenant))
    return Caller(
        key_id=key.pk,
        key_name=key.name,
        key_prefix=key.prefix,
        key_limits=_limits([getattr(key, name) for name in LIMITS]),
        scope=key.scope,
        **_rights(tenant),
    )


keyring: Snapshot[Keyring] = Snapshot(TENANTS, load_keyring)


def _rights(tenant: Tenant) -> dict[str, Any]:
    """What all keys of a tenant share."""
    return {
        "tenant_id": tenant.pk,
        "tenant": tenant.name,
        "allow_models": tuple(tenant.allow_models),
        "allow_policies": tuple(tenant.allow_policies),
        "default_policy": tenant.default_policy,
        "limits": _limits([getattr(tenant, name) for name in LIMITS]),
        "explain": tenant.explain,
        "keeps_bodies": tenant.keep_bodies_days > 0,
        "realm": tenant.realm,
    }


def _scope(*texts: str) -> Scope:
    return scope_of(*map(json.loads, texts))


def _budgets() -> dict[int, list[BudgetSpec]]:
    """The budgets of every tenant."""
    found: dict[int, list[BudgetSpec]] = defaultdict(list)
    for row in Budget.objects.filter(tenant__enabled=True).select_related("tenant", "key"):
        found[row.tenant_id].append(_spec(row))
    return found


def _applying(budgets: dict[int, list[BudgetSpec]], tenant_id: int, key_id: int) -> tuple[BudgetSpec, ...]:
    """Those that a key's requests count against; tags are looked at when a request has some."""
    return tuple([spec for spec in budgets.get(tenant_id, ()) if spec.key_id in (None, key_id)])


def _spec(row: Budget) -> BudgetSpec:
    return BudgetSpec(
        id=row.pk,
        unit=row.unit,
        limit=row.limit,
        period=row.period,
        zone=row.tenant.time_zone,
        hard=row.hard,
        phrase=f"the budget of {row}",
        tag=row.tag,
        key_id=row.key_id,
        allows_unpriced=row.unpriced == Budget.Unpriced.ALLOW,
        low_percent=row.low_percent or 0,
        low_policy=row.low_policy,
    )


def _limits(values: Sequence[int | None]) -> Limits:
    """`NO_LIMITS` itself where there are none: whoever has none is known by it."""
    found = Limits(*values)
    return NO_LIMITS if found == NO_LIMITS else found
