"""Who sees whose rows? Edited on the page of a tenant and on that of a person."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline

from providers.formrows import KnowsRelated, NamedInRows
from tenants.adminrows import ChoicesInSight
from tenants.models import Membership
from tenants.sight import seen, sight_of


class MemberInline(ChoicesInSight, KnowsRelated, NamedInRows, TabularInline):
    """The people who see a tenant's requests, keys and budgets, on its page."""

    model = Membership
    fields = ["user"]
    autocomplete_fields = ["user"]
    verbose_name_plural = "Members"
    per_page = 20
    tab = True
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Each with both its ends; of other tenants than one's own, none."""
        rows = super().get_queryset(request).select_related("user", "tenant")
        return seen(rows, sight_of(request.user), "tenant_id")


class TenantsOfPersonInline(MemberInline):
    """Which tenants' rows a person sees, on the person's page."""

    fields = ["tenant"]
    autocomplete_fields = ["tenant"]
    verbose_name_plural = "Tenants that this person sees"
