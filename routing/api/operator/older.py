"""The operator's paths of older routers: JSON for who brings an operator's key, the page for a browser."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import path, re_path, reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from msgspec import Struct

from providers.selectors import model_names
from routing.api.database import pairs_of
from routing.api.operator.apikeys import ApiKeys
from routing.api.operator.benchmarks import Benchmarks
from routing.api.operator.config import Configuration
from routing.api.operator.deployments import Deployments
from routing.api.operator.documents import TAG, answer, component
from routing.api.operator.door import SAFE
from routing.api.operator.paging import number
from routing.api.operator.profiles import Profiles
from routing.api.operator.reprofile import Reprofile
from routing.api.operator.users import Users
from routing.api.operator.views import OperatorView
from routing.api.operator.vram import VramView
from routing.errors import InvalidBody
from tenants.keyring import token_of
from tenants.models import Tenant
from usage.selectors import Dimension, TimeRange, Totals, by, totals

USUAL: Final = 24  # hours
LONGEST: Final = 24 * 90
NANO: Final = 10**9
DIMENSIONS: Final[tuple[Dimension, ...]] = ("model", "provider", "deployment", "policy", "tenant")
HOURS: Final = OpenApiParameter("hours", int, description=f"Until now, 1 to {LONGEST}; usually {USUAL}")
View = Callable[..., HttpResponseBase]


class Sums(Struct):
    """Sums over requests; `success_rate` and `cost_usd` are null where nothing is known of them."""

    requests: int
    answered: int
    failed: int
    rejected: int
    cancelled: int
    interrupted: int
    failed_over: int
    prompt_tokens: int
    completion_tokens: int
    success_rate: float | None
    cost_usd: float | None
    unpriced_requests: int


class DashboardStats(Struct):
    """What went through the router from `start` to `end`."""

    start: datetime
    end: datetime
    models: int
    totals: Sums


class NamedSums(Struct):
    """The sums of one model, provider, deployment, policy or tenant; an empty name is none."""

    name: str
    totals: Sums


class DashboardUsage(Struct):
    """The sums from `start` to `end`, who had the most requests first."""

    start: datetime
    end: datetime
    by: str
    data: list[NamedSums]


@extend_schema(tags=[TAG])
class Figures(OperatorView):
    """What the dashboard's pages show, in numbers."""

    @extend_schema(
        operation_id="dashboardStats",
        summary="Requests, failures, tokens and money",
        parameters=[HOURS],
        responses=answer(component(DashboardStats), "The sums", 400),
    )
    def stats(self, request: HttpRequest) -> HttpResponse:
        period = self._period(request)
        return self.json(DashboardStats(period.start, period.end, len(model_names()), _sums(totals(period))))

    @extend_schema(
        operation_id="dashboardUsage",
        summary="The same by model, provider, deployment, policy or tenant",
        parameters=[HOURS, OpenApiParameter("by", str, enum=DIMENSIONS)],
        responses=answer(component(DashboardUsage), "The sums of each", 400),
    )
    def usage(self, request: HttpRequest) -> HttpResponse:
        period, asked = self._period(request), request.GET.get("by", DIMENSIONS[0])
        dimension = next((each for each in DIMENSIONS if each == asked), None)
        if dimension is None:
            raise InvalidBody(f"by: {asked[:40]} is none of {', '.join(DIMENSIONS)}", param="by")
        groups = by(dimension, period)
        names: dict[Any, str] = dict(Tenant.objects.values_list("pk", "name")) if dimension == "tenant" else {}
        data = [NamedSums(names.get(each.value, str(each.value)), _sums(each.totals)) for each in groups]
        return self.json(DashboardUsage(period.start, period.end, dimension, data))

    def _period(self, request: HttpRequest) -> TimeRange:
        self.operator.require_every_tenant("what all tenants did together")
        hours, now = number(request.GET, "hours", USUAL, 1, LONGEST), timezone.now()
        end = now.replace(second=0, microsecond=0) + timedelta(minutes=1)  # as the dashboard's ranges end
        return TimeRange.around(end - timedelta(hours=hours), end, now)


def _sums(found: Totals) -> Sums:
    cost = found.known_cost_nano_usd
    plain = {name: getattr(found, name) for name in Sums.__struct_fields__ if name in Totals.__struct_fields__}
    cost_usd = None if cost is None else cost / NANO
    return Sums(success_rate=found.success, cost_usd=cost_usd, unpriced_requests=found.unpriced, **plain)


@extend_schema_view(list=extend_schema(operation_id="dashboardModels", summary="List: as /api/admin/deployments"))
class DashboardModels(Deployments):
    """What is called, priced and cooled down, at the address of older routers."""


def or_page(api: View, page: str) -> View:
    """`api` for who brings a client key or does not ask for HTML, and for writes; else on to the page of that name."""

    @wraps(api)
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        browses = request.method in SAFE and "text/html" in request.headers.get("accept", "")
        if browses and token_of(pairs_of(request)) is None:
            return HttpResponseRedirect(reverse(page))
        return api(request, *args, **kwargs)

    return view


COLLECTION: Final[dict[str, Any]] = {"get": "list", "post": "create"}
urlpatterns = [
    re_path(r"^admin/users/?$", or_page(Users.as_view(COLLECTION), "admin:auth_user_changelist")),
    re_path(r"^admin/api-keys/?$", or_page(ApiKeys.as_view(COLLECTION), "admin:tenants_clientkey_changelist")),
    re_path(r"^admin/config/?$", or_page(Configuration.as_view({"get": "export", "put": "apply"}), "admin:index")),
    re_path(
        r"^admin/profiles/?$", or_page(Profiles.as_view({"get": "list"}), "admin:profiling_latencyprofile_changelist")
    ),
    re_path(r"^admin/reprofile/?$", or_page(Reprofile.as_view(COLLECTION), "admin:profiling_job_changelist")),
    re_path(r"^admin/vram/?$", or_page(VramView.as_view({"get": "now"}), "dashboard:local")),
    re_path(
        r"^admin/benchmarks/?$",
        or_page(Benchmarks.as_view({"get": "list"}), "admin:profiling_latencyprofile_changelist"),
    ),
    path("admin/sync-benchmarks", Benchmarks.as_view({"post": "sync"})),
    path("dashboard/stats", or_page(Figures.as_view({"get": "stats"}), "dashboard:home")),
    path("dashboard/usage", or_page(Figures.as_view({"get": "usage"}), "dashboard:cost")),
    path("dashboard/models", or_page(DashboardModels.as_view({"get": "list"}), "dashboard:models")),
]
