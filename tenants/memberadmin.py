"""Who sees whose rows? Edited on the page of a tenant and on that of a person."""

from unfold.admin import TabularInline

from tenants.adminrows import ChoicesInSight
from tenants.models import Membership


class MemberInline(ChoicesInSight, TabularInline):
    """The people who see a tenant's requests, keys and budgets, on its page."""

    model = Membership
    fields = ["user"]
    autocomplete_fields = ["user"]
    verbose_name_plural = "Members"
    per_page = 20
    tab = True
    extra = 0


class TenantsOfPersonInline(MemberInline):
    """Which tenants' rows a person sees, on the person's page."""

    fields = ["tenant"]
    autocomplete_fields = ["tenant"]
    verbose_name_plural = "Tenants that this person sees; every one with the permission to see every tenant"
