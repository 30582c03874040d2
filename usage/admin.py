"""What the history adds to the admin: when a client key and a credential were last used."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from providers.credentialadmin import CredentialAdmin
from providers.formrows import once
from providers.models import Credential
from tenants.keyadmin import ClientKeyAdmin
from tenants.models import ClientKey
from usage.adminhistory import InHistory
from usage.selectors import RequestFilter, TimeRange, page
from usage.selectors.lastuse import last_use, with_last_use

LOOKED_BACK = timedelta(days=30)

for extended in (ClientKey, Credential):
    admin.site.unregister(extended)


@admin.register(ClientKey)
class UsedClientKeyAdmin(InHistory, ClientKeyAdmin):
    readonly_fields = [*ClientKeyAdmin.readonly_fields, "last_used"]
    fieldsets = [*ClientKeyAdmin.fieldsets, ("Use", {"fields": ["last_used"]})]

    @display(description="Last used")
    @once
    def last_used(self, row: Any) -> datetime | str:
        """One look at the newest record of the key; a list of keys does not ask."""
        now = timezone.now()
        period = TimeRange.around(now - LOOKED_BACK, now, now)
        newest = page(period, RequestFilter(tenant_id=row.tenant_id, key_id=row.pk), limit=1).rows
        if not newest:
            return f"not in the last {LOOKED_BACK.days} days"
        return datetime.fromtimestamp(newest[0].started_us / 1e6, tz=timezone.get_current_timezone())

    def words_of(self, row: Any) -> dict[str, str]:
        return {"tenant": row.tenant.name, "key": str(row.pk)}


class CredentialUse:
    """Goes before a page or an inline of credentials."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_last_use(super().get_queryset(request))  # type: ignore[misc]

    @display(description="Last used")
    def last_used(self, row: Credential) -> datetime | str:
        used = last_use(row)
        return timezone.localtime(used) if used else "—"


@admin.register(Credential)
class UsedCredentialAdmin(CredentialUse, CredentialAdmin):
    readonly_fields = [*CredentialAdmin.readonly_fields, "last_used"]
    fieldsets = [*CredentialAdmin.fieldsets, ("Use", {"fields": ["last_used"]})]
