"""/api/admin/api-keys: the keys that callers present. A value is told once, in the answer that makes it."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from msgspec import UNSET, Meta, Struct, UnsetType
from rest_framework.decorators import action

from providers import audit
from providers.revisions import TENANTS
from routing.api.operator.applying import OneChange, fields_of, fitted
from routing.api.operator.documents import Reason, documented, told_once
from routing.api.operator.errors import Conflict
from routing.api.operator.paging import Filter, flag, yes
from routing.api.operator.resource import References, Resource, Rows, columns
from routing.configfile import schema
from routing.configfile.keypart import KeyMaker
from tenants.callers import LIMITS, Scope
from tenants.keyring import know_at_once
from tenants.models import ClientKey, Tenant, own
from tenants.rotation import rotate
from tenants.selectors import members_called, tenants_in
from tenants.sight import seen
from usage.selectors.lastuse import last_uses

SHOWN = 12  # digits of a fingerprint
LONGEST_OVERLAP = 168  # hours


class ApiKeyRow(Struct, omit_defaults=True):
    """A key as it is kept: `masked` is its public name, `fingerprint` tells equal keys.

    `allow` is what it may of what its tenant may, an empty list all of that. `owner` is the user name of the person who
    finds it under "My usage", null: nobody's. `last_used_at` is null without a request in the records that are kept.
    `key` is the value: in the answers that make one, and never again.
    """

    id: int
    tenant: str
    name: str
    masked: str
    fingerprint: str
    state: str
    owner: str | None
    operator: bool
    limits: dict[str, int | None]
    allow: dict[str, list[str]]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    key: str | None = None


class ApiKeyBody(schema.KeyFields, kw_only=True):
    """A client key; what is left out stays. `value` is write-only and brings one's own; usually one is made. `owner` is
    a member of the tenant, by user name or e-mail address, who then rotates and revokes it under "My usage"; null takes
    it from whoever has it."""

    tenant: schema.Slug
    owner: Annotated[str, Meta(min_length=1, max_length=254)] | None | UnsetType = UNSET


class Rotation(Reason):
    """How long the old key goes on, and why it is replaced."""

    overlap_hours: Annotated[int, Meta(ge=0, le=LONGEST_OVERLAP)] = 24


@documented(
    ApiKeyRow,
    {
        "tenant": "team-a",
        "name": "ci",
        "owner": "ana",
        "limits": {"requests_per_minute": 60},
        "allow": {"models": ["gpt-*"], "routes": ["chat", "usage"]},
    },
    {"allow": {"models": ["gpt-*", "acme/*"]}, "reason": "the new pipeline asks acme, too"},
)
class ApiKeys(Resource):
    """Client keys."""

    model, part, body = ClientKey, TENANTS, ApiKeyBody
    place = ".keys[0]"
    identity = ("tenant", "name")
    filters = {
        "tenant": Filter("tenant__name"),
        "name": Filter("name"),
        "q": Filter("name__icontains"),
        "owner": Filter("owner__username"),
        "operator": flag("operator"),
        "revoked": Filter("revoked_at__isnull", lambda text: not yes(text), "true or false"),
    }
    orders = {"id": "id", "name": "name", "tenant": "tenant__name", "created_at": "created_at"}

    def rows(self) -> QuerySet[Any]:
        kept = ClientKey.objects.filter(own("tenant__"), lent_to=None).select_related("tenant", "owner")
        return seen(kept, self.operator.sight, "tenant_id")

    def named(self, body: Any) -> QuerySet[Any]:
        return ClientKey.objects.filter(tenant__name=body.tenant, name=body.name)

    def held(self, row: Any) -> dict[str, Any]:
        return {"tenant": row.tenant.name, "name": row.name}

    def told(self, rows: Rows) -> Rows:
        used = last_uses([row.pk for row in rows])
        same = ("name", "operator", "created_at", "expires_at", "revoked_at")
        return [
            ApiKeyRow(
                id=row.pk,
                tenant=row.tenant.name,
                masked=f"{row.prefix}...",
                fingerprint=row.digest[:SHOWN],
                state=row.state,
                owner=row.owner and row.owner.get_username(),
                limits=columns(row, LIMITS),
                allow={part: getattr(row, f"allow_{part}") for part in Scope.__struct_fields__},
                last_used_at=used.get(row.pk),
                **columns(row, same),
            )
            for row in rows
        ]

    def why_kept(self, row: Any) -> str:
        return "the key is in use: revoke it first" if row.state == "active" else super().why_kept(row)

    def references(self) -> dict[str, References]:
        return {"tenant": (tenants_in(self.operator.sight), "tenants")}

    def write(self, changes: OneChange, body: Any) -> None:
        tenant = get_object_or_404(tenants_in(self.operator.sight), name=body.tenant)
        if self.named(body).exclude(revoked_at=None).exists():
            raise Conflict("the key is revoked for good; give a new one another name", param="name")
        owner = self._owner(changes, tenant, body)
        if changes.found:
            return
        maker = KeyMaker(changes, owner, self.operator.sight)
        maker.put_keys("", tenant, [schema.Key(**fields_of(body, "tenant", "owner"))])
        maker.save()
        know_at_once()

    def _owner(self, changes: OneChange, tenant: Tenant, body: Any) -> Any:
        """The person that the body names; who is not of the tenant is as unknown as nobody."""
        if not isinstance(body.owner, str):
            return body.owner
        people = members_called(body.owner, tenant)
        if not people:
            changes.problem("owner", f"{tenant} has no active member with the user name or e-mail address {body.owner}")
        elif len(people) > 1:
            names = ", ".join(map(str, people))
            changes.problem("owner", f"several members have the e-mail address {body.owner}; name one of {names}")
        return people[0] if people else None

    def secret(self, changes: OneChange) -> dict[str, Any]:
        return {"key": changes.keys[0][1]} if changes.keys else {}

    @told_once(
        ApiKeyRow,
        "ApiKey",
        "rotate",
        "Make its successor; the old one goes on for a while",
        {"overlap_hours": 24, "reason": "once a year"},
        body=Rotation,
    )
    @action(detail=True, methods=["post"])
    def rotate(self, request: HttpRequest, pk: str) -> HttpResponse:
        self.operator.require("tenants.rotate_key")
        wish = fitted(self.data(), Rotation)
        with transaction.atomic():
            old = self.locked(pk)
            if old.operator:
                self.operator.require_operator_key()
            if old.state != "active":
                raise Conflict(f"the key is {old.state}: there is nothing to rotate; make a new one")
            before, actor = audit.state(old), self.operator.actor
            made, plain = rotate(old, timedelta(hours=wish.overlap_hours), timezone.now())
            know_at_once()
            audit.record(actor, "rotated", old, audit.difference(before, audit.state(old)), wish.reason)
            audit.record(actor, "added", made, audit.added(made), wish.reason)
            return self.shown(self.one(str(made.pk)), 201, key=plain)

    @told_once(ApiKeyRow, "ApiKey", "revoke", "End it for good: refused within a second", {"reason": "found in a log"})
    @action(detail=True, methods=["post"])
    def revoke(self, request: HttpRequest, pk: str) -> HttpResponse:
        self.operator.require(self.right("change"))
        why = fitted(self.data(), Reason)
        with transaction.atomic():
            row = self.locked(pk)
            if row.revoked_at is None:
                self.assign(row, "revoked", why.reason, revoked_at=timezone.now())
                know_at_once()
        return self.shown(row)
