"""How does a changelist leave out what is kept apart (`providers.realms`)? By a filter that is on until changed."""

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from providers.realms import APART

ONLY: Final = "only"
ALL: Final = "all"


class ApartFilter(admin.SimpleListFilter):
    """`theirs` is the condition of the rows that the drill and the sample traffic brought along."""

    title = "kept apart"
    parameter_name = "apart"
    theirs: ClassVar[Q]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(ONLY, "The drill's and the sample's"), (ALL, "All")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        yield {**first, "display": "Left out"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == ALL:
            return queryset
        return queryset.filter(self.theirs).distinct() if self.value() == ONLY else queryset.exclude(self.theirs)


class ApartProviders(ApartFilter):
    theirs = Q(source__in=APART)


class ApartDeployments(ApartFilter):
    theirs = Q(provider__source__in=APART)


class ApartModels(ApartFilter):
    theirs = Q(deployments__provider__source__in=APART)
