"""What the dashboard adds to the admin: each page of a row that records name has a tab with its last requests."""

from datetime import timedelta
from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from unfold.datasets import BaseDataset

from dashboard.listing import lines
from providers.models import Deployment, LanguageModel, Provider
from tenants.models import ClientKey, Tenant
from tenants.sight import sight_of
from usage.adminhistory import entities_of
from usage.models import RequestRecord
from usage.selectors import RequestFilter, TimeRange, page

LOOKED_BACK: Final = timedelta(hours=24)
SHOWN: Final = 20


class LastRequests(BaseDataset):
    """The newest requests that a row took part in, as far as who looks sees them; each leads to its own page."""

    model = RequestRecord
    tab = True
    title = "Last requests"

    def __init__(self, request: HttpRequest, extra_context: dict[str, Any]) -> None:
        self.request = request
        self.row: Any = None  # set by the page, which knows whether it may be seen
        self.url = ""

    @property
    def contents(self) -> str:
        """The tab, drawn; only on the page of a row that was allowed to be seen."""
        if self.row is None:
            return ""
        which, now = entities_of(self.row), timezone.now()
        whose = which.tenant_id if which.tenant_id is not None else sight_of(self.request.user)
        chosen = RequestFilter(tenant_id=whose, key_id=which.key_id, provider=which.provider, model=which.model)
        found = page(TimeRange.around(now - LOOKED_BACK, now, now), chosen, limit=SHOWN)
        context = {"rows": lines(found.rows), "more": found.cursor is not None, "dataset": self}
        return render_to_string("admin/last_requests.html", context, request=self.request)


class WithLastRequests:
    """Goes before the admin class of such a row."""

    def get_changeform_datasets(self, request: HttpRequest) -> list[Any]:
        """The page's own lists, then the requests."""
        return [*super().get_changeform_datasets(request), LastRequests]  # type: ignore[misc]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        lists = context["datasets"]
        if context.get("original") is None:
            context["datasets"] = [each for each in lists if not isinstance(each, LastRequests)]
        for each in lists:
            if isinstance(each, LastRequests):
                each.row, each.url = context.get("original"), context.get("requests_url", "")
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]


for _model in (Provider, Deployment, LanguageModel, Tenant, ClientKey):
    _page = type(admin.site._registry[_model])
    admin.site.unregister(_model)
    admin.site.register(_model, type(_page.__name__, (WithLastRequests, _page), {}))
