"""`GET /metrics` for Prometheus: the figures of every process here. Guarded by a token or by the network."""

import hmac
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from profiling.gpumetrics import GpuCollector
from usage.metrics import exposition


class Scraper(BasePermission):
    """Who brings METRICS_TOKEN; where none is set, who comes from a loopback or private address."""

    message = "Send METRICS_TOKEN as a bearer token; without one, only private addresses may read the metrics."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if settings.METRICS_TOKEN:
            return hmac.compare_digest(
                request.headers.get("authorization", "").encode(), f"Bearer {settings.METRICS_TOKEN}".encode()
            )
        return ip_address(request.META.get("REMOTE_ADDR") or "0.0.0.0").is_private


class Metrics(APIView):
    """The Prometheus exposition."""

    authentication_classes = ()
    permission_classes = (Scraper,)

    @extend_schema(
        operation_id="metrics",
        summary="Prometheus metrics",
        tags=["Health"],
        auth=[],
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        body, content_type = exposition(more=[GpuCollector()])
        return HttpResponse(body, content_type=content_type)
