"""Tabs of a row's page that are fetched when they are opened, so that the page itself asks for none of their rows."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from unfold.datasets import BaseDataset


class FetchedTab(BaseDataset):
    """A list in a tab of its own; `row` and `page` are set once somebody who may see the row has opened the tab."""

    tab = True
    row: Model | None = None
    page: Any = None
    address = ""  # where the tab is fetched

    @property
    def contents(self) -> str:
        """On the page, a place that fetches the tab as soon as it is in sight."""
        if self.row is None:
            return render_to_string("admin/tab_to_fetch.html", {"dataset": self}, request=self.request)
        return self.drawn()

    def drawn(self) -> str:
        """The tab itself."""
        return BaseDataset.contents.fget(self)


class WithTabs:
    """Goes before the admin class whose `change_form_datasets` may be such tabs."""

    admin_site: Any
    opts: Any

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.tab_view)
        own = path("<path:object_id>/tab/<slug:name>/", view, name=self._url_name)
        return [own, *super().get_urls()]  # type: ignore[misc]

    def tab_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """One tab of a row that the person may see; 404 for another tab's name, too."""
        row = self.get_object(request, object_id)  # type: ignore[attr-defined]
        kinds = [kind for kind in self.get_changeform_datasets(request) if issubclass(kind, FetchedTab)]  # type: ignore[attr-defined]
        found = next((kind for kind in kinds if kind.model._meta.model_name == name), None)
        if row is None or found is None:
            raise Http404
        if not self.has_view_or_change_permission(request, row):  # type: ignore[attr-defined]
            raise PermissionDenied
        tab = found(request=request, extra_context={"object": object_id})
        tab.row, tab.page = row, self
        return HttpResponse(tab.contents)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """A row that is not stored yet has no tabs to fetch."""
        row = context.get("original")
        if row is None:
            context["datasets"] = [each for each in context["datasets"] if not isinstance(each, FetchedTab)]
        for tab in context["datasets"]:
            if isinstance(tab, FetchedTab):
                tab.address = reverse(f"admin:{self._url_name}", args=[row.pk, tab.model_name])
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]

    @property
    def _url_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_tab"
