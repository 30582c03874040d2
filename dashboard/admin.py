"""What the dashboard adds to the admin: each page of a row that records name has a tab with its last requests."""

from datetime import timedelta
from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone

from dashboard.listing import lines
from providers.admintabs import FetchedTab
from providers.models import Deployment, LanguageModel, Provider
from tenants.models import ClientKey, Tenant
from tenants.sight import sight_of
from usage.adminhistory import entities_of
from usage.models import RequestRecord
from usage.selectors import RequestFilter, TimeRange, page

LOOKED_BACK: Final = timedelta(hours=24)
SHOWN: Final = 20


class LastRequests(FetchedTab):
    """The newest requests that a row took part in, as far as who looks sees them; each leads to its own page."""

    model = RequestRecord
    title = "Last requests"

    def __init__(self, request: HttpRequest, extra_context: dict[str, Any]) -> None:
        self.request = request

    def drawn(self) -> str:
        row: Any = self.row
        which, now = entities_of(row), timezone.now()
        whose = which.tenant_id if which.tenant_id is not None else sight_of(self.request.user)
        chosen = RequestFilter(tenant_id=whose, key_id=which.key_id, provider=which.provider, model=which.model)
        found = page(TimeRange.around(now - LOOKED_BACK, now, now), chosen, limit=SHOWN)
        context = {"rows": lines(found.rows), "more": found.cursor is not None, "dataset": self}
        context["url"] = self.page.requests_url(row)
        return render_to_string("admin/last_requests.html", context, request=self.request)


class WithLastRequests:
    """Goes before the admin class of such a row."""

    def get_changeform_datasets(self, request: HttpRequest) -> list[Any]:
        """The page's own lists, then the requests."""
        return [*super().get_changeform_datasets(request), LastRequests]  # type: ignore[misc]


for _model in (Provider, Deployment, LanguageModel, Tenant, ClientKey):
    _page = type(admin.site._registry[_model])
    admin.site.unregister(_model)
    admin.site.register(_model, type(_page.__name__, (WithLastRequests, _page), {}))
