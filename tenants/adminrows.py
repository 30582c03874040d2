"""What admin pages about tenants' rows share: people see those of their tenants, in lists, choices and actions."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from tenants.sight import seen, sight_of


class ChoicesInSight:
    """A form whose choices of related rows end where the sight of who fills it in ends, typed ids too."""

    admin_site: Any

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        rows = super().get_field_queryset(db, db_field, request)  # type: ignore[misc]
        return in_sight(request, db_field.remote_field.model, rows, self.admin_site)


class RowsInSight(ChoicesInSight):
    """Goes before the admin class that it limits; `tenant_path` leads from a row to its tenant's id, or `visible` says.

    Lists, bulk actions, autocomplete and the command palette all begin with `get_queryset`.
    """

    tenant_path: ClassVar[str] = "tenant_id"

    @classmethod
    def visible(cls, rows: QuerySet[Any], user: Any) -> QuerySet[Any]:
        """Those of `rows` that a person sees."""
        return seen(rows, sight_of(user), cls.tenant_path)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.visible(super().get_queryset(request), request.user)  # type: ignore[misc]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """404 for a row out of sight, as for one that is not there: neither is told from the other."""
        found = super().get_object(request, object_id, from_field)  # type: ignore[misc]
        if found is None:
            raise Http404
        return found


class ForEveryTenant:
    """A page about all tenants together: only for those who see every one."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and sight_of(request.user) is None  # type: ignore[misc]


class TenantFilter(AutocompleteSelectFilter):
    """As unfold's, but an id out of sight in the address is not answered with its name."""

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            for field in choice["form"].fields.values():
                field.queryset = in_sight(self.request, self.field.remote_field.model, field.queryset)
            yield choice


def in_sight(
    request: HttpRequest, model: Any, rows: QuerySet[Any] | None, site: admin.AdminSite = admin.site
) -> QuerySet[Any] | None:
    """`rows` of `model` without those that its page would not show; None, for all rows, stays None where it may."""
    page = site._registry.get(model)
    if sight_of(request.user) is None or not isinstance(page, RowsInSight):
        return rows
    return page.visible(model._default_manager.all() if rows is None else rows, request.user)
