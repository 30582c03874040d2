"""How does the admin leave out what is kept apart (`providers.realms`)? In lists by a filter that is on until changed,
in choices and in the palette always: nothing of the operator's own is to refer to it."""

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from providers.realms import APART

ONLY: Final = "only"
ALL: Final = "all"
CHOSEN: Final = ("tenant__id__exact", "provider__id__exact")  # who filters by an owner looks for its rows on purpose
OFFERS: Final = frozenset({"autocomplete", "search"})  # the routes of choices and of the palette


class ApartFilter(admin.SimpleListFilter):
    """Of a `LeavesOutApart` page; of an owner that is chosen, all rows are shown, whoever it is."""

    title = "kept apart"
    parameter_name = "apart"

    def __init__(self, request: HttpRequest, params: Any, model: Any, page: Any) -> None:
        self.theirs: Q = page.theirs
        super().__init__(request, params, model, page)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(ONLY, "The drill's and the sample's"), (ALL, "All")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        yield {**first, "display": "Left out"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == ONLY:
            return queryset.filter(self.theirs).distinct()
        chosen = any(request.GET.get(name) for name in CHOSEN)
        return queryset if chosen or self.value() == ALL else queryset.exclude(self.theirs)


class LeavesOutApart:
    """Goes before an admin class; `theirs` is the condition of the rows that the drill and the sample traffic brought
    along."""

    theirs: ClassVar[Q]

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return [*super().get_list_filter(request), ApartFilter]  # type: ignore[misc]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], term: str) -> tuple[Any, bool]:
        rows, doubles = super().get_search_results(request, queryset, term)  # type: ignore[misc]
        asked = request.resolver_match.url_name if request.resolver_match else ""
        return (rows.exclude(self.theirs) if asked in OFFERS else rows), doubles


def of_provider(path: str) -> Q:
    """The condition of rows of a provider that is kept apart, which `path` leads to."""
    return Q(**{f"{path}source__in": APART})
