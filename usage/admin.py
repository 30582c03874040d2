"""What the history adds to the admin: when a client key and a credential were last used."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import localize
from unfold.decorators import display

from providers.credentialadmin import CredentialAdmin
from providers.models import Credential
from tenants.keyadmin import ClientKeyAdmin
from tenants.models import ClientKey
from tenants.sight import sight_of
from usage.adminhistory import MOST_ASKED, InHistory, requests_of_last_hour, use_of
from usage.selectors.lastuse import last_use, newest_request, with_last_use, with_newest_request

for extended in (ClientKey, Credential):
    admin.site.unregister(extended)


@admin.register(ClientKey)
class UsedClientKeyAdmin(InHistory, ClientKeyAdmin):
    list_display = [*ClientKeyAdmin.list_display[:4], "last_used", *ClientKeyAdmin.list_display[4:]]  # in sight
    readonly_fields = [*ClientKeyAdmin.readonly_fields, "last_used"]
    fieldsets = [*ClientKeyAdmin.fieldsets, ("Use", {"fields": ["last_used"]})]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_newest_request(super().get_queryset(request))

    @display(description="Last used")
    def last_used(self, row: Any) -> str:
        return _told(newest_request(row))

    def words_of(self, row: Any) -> dict[str, str]:
        return {"tenant": row.tenant.name, "key": str(row.pk)}

    def lately(self, request: HttpRequest, row: Any) -> str:
        count = requests_of_last_hour(row)
        return f"{count:,} request{'s' * (count != 1)} used it in the last hour."


def _told(used: datetime | None) -> str:
    """As the admin writes a time; a dash where no record of a use is kept."""
    return str(localize(timezone.localtime(used))) if used else "—"


class CredentialUse:
    """Goes before a page or an inline of credentials."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_last_use(super().get_queryset(request))  # type: ignore[misc]

    @display(description="Last used")
    def last_used(self, row: Credential) -> str:
        return _told(last_use(row))


@admin.register(Credential)
class UsedCredentialAdmin(CredentialUse, CredentialAdmin):
    readonly_fields = [*CredentialAdmin.readonly_fields, "last_used"]
    fieldsets = [*CredentialAdmin.fieldsets, ("Use", {"fields": ["last_used"]})]

    def who_would_notice(self, request: HttpRequest, rows: list[Any]) -> str:
        """Who called the providers: which of several credentials a request took is known of single attempts only."""
        owners = list({row.provider_id: row.provider for row in rows}.values())[:MOST_ASKED]
        uses = [(owner, use_of(owner, sight_of(request.user))) for owner in owners]
        return " ".join(f"{owner}: {use.last_hour}" for owner, use in uses)
