"""Which client keys are mine, and what may I do with them?"""

from collections.abc import Iterable
from datetime import datetime

from asgiref.sync import async_to_sync
from django.urls import reverse
from msgspec import Struct
from msgspec.structs import replace

from dashboard.panels.base import Panel
from dashboard.panels.usage_left import NAMES, tenants_of
from dashboard.scope import Scope
from dashboard.tables import Column, Table
from dashboard.verbs import Verb
from routing.api.ownusage import limit_left
from routing.runtime import runtime
from tenants.callers import NO_LIMITS
from tenants.keyring import caller_of
from tenants.models import ClientKey
from tenants.ownkeys import RIGHTS, own_keys, why_not_replaced
from usage.selectors.lastuse import last_uses

MOST_KEYS = 50
NO_TENANT = "A key is made for a tenant in use, and no such one is here."
WHY_NOT = {
    "new": "Making keys takes the right to add client keys: the role operator has it, and an owner can give it.",
    "rotate": "Rotating takes the right to rotate client keys: the role operator has it, and an owner can give it.",
    "revoke": "Revoking takes the right to change client keys: the role operator has it, and an owner can give it.",
}


class KeyRow(Struct, frozen=True):
    name: str
    tenant: str
    prefix: str
    state: str
    last_used: datetime | None
    expires: datetime | None
    scope: str  # empty: all that the tenant may
    left: tuple[str, ...]
    requests: str
    verbs: tuple[Verb, ...]


class UsageKeys(Struct, frozen=True):
    rows: tuple[KeyRow, ...]
    more: bool
    new: Verb
    barred: tuple[str, ...]  # why some buttons are off


class UsageKeysPanel(Panel):
    """The keys that the person who looks has made, the living ones first."""

    name = "usage_keys"
    title = "Which keys are mine?"
    page = "usage"
    order = 30
    formula = (
        "Keys that you made, here or in admin; a key that replaced one of them is yours too. Last used is the newest "
        "record that is kept. Left is what limits of the key itself leave now; the tenant's stand above."
    )

    def data(self, scope: Scope) -> UsageKeys:
        mine = own_keys(scope.person, scope.sight)
        if name := scope.word("tenant"):
            mine = mine.filter(tenant__name=name)
        found = list(mine.order_by("-id")[: MOST_KEYS + 1])
        used = last_uses([row.pk for row in found]) if found else {}
        why = why_not_replaced(found, scope.person)
        rows = sorted((_row(row, used.get(row.pk), scope, why) for row in found[:MOST_KEYS]), key=lambda r: r.state)
        shown = WHY_NOT if any(row.verbs for row in rows) else ("new",)
        barred = tuple(WHY_NOT[verb] for verb in shown if not scope.may(RIGHTS[verb])) + ((why,) if why else ())
        new = _verb("new", None, scope)
        if new.address and not any(tenant.enabled for tenant in tenants_of(scope)):
            new, barred = Verb(new.label, "", NO_TENANT), (*barred, NO_TENANT)
        return UsageKeys(tuple(rows), len(found) > MOST_KEYS, new, barred)

    def table(self, data: UsageKeys, scope: Scope) -> Table | None:
        columns = ("Key", "Tenant", "Prefix", "State", "Last used", "Expires", "Scope", "Left")
        rows = [
            (r.name, r.tenant, r.prefix, r.state, r.last_used, r.expires, r.scope, "; ".join(r.left)) for r in data.rows
        ]
        return Table(tuple(map(Column, columns)), rows) if rows else None


def _row(row: ClientKey, used: datetime | None, scope: Scope, why_not_replaced: str) -> KeyRow:
    state, zone = row.state, scope.period.zone
    verbs = [_verb(verb, row, scope) for verb in ("rotate", "revoke")] if state == "active" else []
    if verbs and row.operator and why_not_replaced:
        verbs[0] = Verb(verbs[0].label, "", why_not_replaced)
    return KeyRow(
        row.name,
        row.tenant.name,
        row.prefix,
        state,
        used and used.astimezone(zone),
        row.expires_at and row.expires_at.astimezone(zone),
        str(row.scope),
        tuple(_left(row, scope.period.now)) if state == "active" else (),
        scope.link("requests", tenant=row.tenant.name, key=str(row.pk)),
        tuple(verbs),
    )


def _verb(verb: str, row: ClientKey | None, scope: Scope) -> Verb:
    label = "Make a key" if row is None else verb.capitalize()
    if not scope.may(RIGHTS[verb]):
        return Verb(label, "", WHY_NOT[verb])
    if row is None:
        name = scope.word("tenant")
        return Verb(label, reverse("dashboard:key-new") + (f"?tenant={name}" if name else ""))
    return Verb(label, reverse(f"dashboard:key-{verb}", args=[row.pk]))


def _left(row: ClientKey, now: datetime) -> Iterable[str]:
    """`12 of 60 requests per minute`, for each limit of the key's own."""
    caller = replace(caller_of(row.tenant, row), limits=NO_LIMITS)
    if caller.key_limits is NO_LIMITS:
        return
    for limit, remaining in async_to_sync(runtime().limiter.left)(caller, now.timestamp()):
        said = limit_left(limit, remaining)
        yield f"{said.remaining:,} of {said.limit:,} {NAMES[said.name].lower()}"
