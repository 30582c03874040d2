"""/api/admin/providers: companies and servers with their base URLs and the keys that we present to them."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet
from msgspec import Struct, UnsetType

from providers.models import Credential, Provider
from providers.realms import APART
from providers.revisions import CATALOG
from providers.secrets import fingerprint_of
from routing.api.operator.applying import OneChange, fields_of
from routing.api.operator.documents import documented
from routing.api.operator.paging import Filter, flag
from routing.api.operator.resource import Resource, Rows, columns
from routing.configfile import schema
from routing.configfile.providerpart import put_providers


class CredentialRow(Struct):
    """A key that we present: `masked` is its end, `fingerprint` tells equal keys, null where it cannot be unsealed."""

    id: int
    name: str
    masked: str
    fingerprint: str | None
    enabled: bool
    expires_at: datetime | None
    created_at: datetime


class ProviderRow(Struct):
    """A provider as it is kept; `deployments` is how many models it serves."""

    id: int
    name: str
    wire: str
    base_url: str
    enabled: bool
    allow_private: bool
    local: bool
    data_policy: str
    headers: dict[str, str]
    source: str
    credentials: list[CredentialRow]
    deployments: int
    created_at: datetime
    updated_at: datetime


class ProviderBody(schema.ProviderFields):
    """A provider; what is left out stays. `credential` is write-only: one key or a list, together the whole pool."""


@documented(
    ProviderRow,
    {"name": "acme", "wire": "openai", "base_url": "https://api.acme.example/v1", "credential": "sk-..."},
    {"enabled": False, "reason": "their status page says so"},
)
class Providers(Resource):
    """Where models are called."""

    model, part, body = Provider, CATALOG, ProviderBody
    place = "providers[0]"
    filters = {
        "name": Filter("name"),
        "q": Filter("name__icontains"),
        "wire": Filter("wire"),
        "source": Filter("source"),
        "enabled": flag("enabled"),
        "local": flag("local"),
    }
    orders = {"name": "name", "id": "id", "updated_at": "updated_at"}

    def rows(self) -> QuerySet[Any]:
        kept = Provider.objects.exclude(source__in=APART)
        return kept.annotate(served=Count("deployments"))

    def told(self, rows: Rows) -> Rows:
        pools: dict[int, list[CredentialRow]] = defaultdict(list)
        for row in Credential.objects.filter(provider__in=[row.pk for row in rows]).order_by("id"):
            pools[row.provider_id].append(_credential(row))
        same = ("name", "wire", "base_url", "enabled", "allow_private", "local", "data_policy", "headers", "source")
        return [
            ProviderRow(
                id=row.pk,
                **columns(row, same),
                credentials=pools[row.pk],
                deployments=row.served,
                created_at=row.created_at,
                updated_at=row.updated_at,
            )
            for row in rows
        ]

    def rights(self, body: Any) -> tuple[str, ...]:
        if isinstance(body.credential, UnsetType):
            return ()
        return ("providers.add_credential", "providers.change_credential")

    def write(self, changes: OneChange, body: Any) -> None:
        put_providers(changes, [schema.Provider(**fields_of(body))])
        row = Provider.objects.filter(name=body.name).exclude(source=Provider.Source.FILE).first()
        moved = not (isinstance(body.wire, UnsetType) and isinstance(body.base_url, UnsetType))
        if row and moved:  # discovery leaves what an operator has entered alone, as in admin
            changes.put(CATALOG, row, f"provider {row}", [("source", "source", Provider.Source.ADMIN)])


def _credential(row: Credential) -> CredentialRow:
    return CredentialRow(
        id=row.pk,
        name=row.name,
        masked=f"...{row.last_four}",
        fingerprint=fingerprint_of(row.ciphertext),
        enabled=row.enabled,
        expires_at=row.expires_at,
        created_at=row.created_at,
    )
