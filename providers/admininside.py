"""Lists inside another row's page (unfold's datasets), which ask for nobody's permission by themselves."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest


class ListedInside:
    """Goes before the admin class of rows that their owner's page lists; `owner` is the column that names it."""

    list_per_page = 20
    asks_first = False  # such a list has no page of its own to ask on
    owner: ClassVar[str] = ""
    extra_context: dict[str, Any]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        owner_id = self.extra_context.get("object")
        if not owner_id or not self.has_view_or_change_permission(request):  # type: ignore[attr-defined]
            return rows.none()
        return rows.filter(**{self.owner: owner_id})

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """All but deleting, which happens on the row's own page."""
        offered = super().get_actions(request)  # type: ignore[misc]
        return {name: action for name, action in offered.items() if name != "delete_selected"}
