"""/api/admin/benchmarks and sync-benchmarks: addresses of older routers, and what they answer here."""

from typing import NoReturn

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiResponse, extend_schema

from routing.api.contracts import ErrorBody, shape
from routing.api.operator.documents import ERRORS, ONCE, TAG
from routing.api.operator.views import OperatorView
from routing.errors import RoutingError

WHAT = "this version neither runs nor imports benchmarks; a model's `quality` and `category_quality` are set at "
ELSEWHERE = "/api/admin/models, measured latency is at /api/admin/profiles, and evaluations are at /api/eval"


class NotOfferedYet(RoutingError):
    """The address is known, and what it would tell is not kept."""

    status, type, code, retry = 501, "invalid_request_error", "not_offered", False


def _said(*errors: int) -> dict[int, OpenApiResponse]:
    told = {code: ERRORS[code] for code in (401, 403, *errors)} | {501: "Always: where to look instead"}
    return {code: OpenApiResponse(shape(ErrorBody)["application/json"], text) for code, text in told.items()}


@extend_schema(tags=[TAG])
class Benchmarks(OperatorView):
    """Benchmarks, which are not offered."""

    @extend_schema(operation_id="listBenchmarks", summary="Not offered: says where to look instead", responses=_said())
    def list(self, request: HttpRequest) -> NoReturn:
        raise NotOfferedYet(f"benchmarks: {WHAT}{ELSEWHERE}")

    @extend_schema(
        operation_id="syncBenchmarks",
        summary="Not offered: says where to look instead",
        request=None,
        parameters=[ONCE],
        responses=_said(422),
    )
    def sync(self, request: HttpRequest) -> NoReturn:
        raise NotOfferedYet(f"benchmarks: {WHAT}{ELSEWHERE}")
