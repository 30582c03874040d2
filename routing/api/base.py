"""The data plane's views: DRF's `APIView`, made asynchronous from end to end.

DRF's own dispatch costs a thread hop for rendering and a negotiation per request; here there is one parser (msgspec,
in `entry.py`), one renderer (JSON bytes), and the finished `HttpResponse` is returned. Errors become bodies in
`errors.py` only.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from asgiref.sync import markcoroutinefunction
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.views import APIView

from providers.errors import GatewayError
from routing.api.entry import new_id
from routing.api.errors import Internal, error_headers, openai_body
from routing.errors import RoutingError

logger = logging.getLogger(__name__)
Headers = list[tuple[bytes, bytes]]


class MethodNotAllowed(RoutingError):
    """This address does not take this method."""

    status, type, code = 405, "invalid_request_error", "method_not_allowed"


class GatewayView(APIView):
    """A view of the data plane; its methods are coroutines that return an `HttpResponse`."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    request_id: str

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        view = super().as_view(**initkwargs)
        return markcoroutinefunction(view)

    async def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        """Call the method's coroutine; every error ends here, once."""
        self.request_id = new_id()
        try:
            method = (request.method or "").lower()
            if method not in self.http_method_names or not hasattr(self, method):
                raise MethodNotAllowed(f"{request.method} is not allowed; {', '.join(self.allowed_methods)} is")
            response: HttpResponseBase = await getattr(self, method)(request, *args, **kwargs)
        except GatewayError as exc:
            response = self.refused(exc)
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("request req_%s failed", self.request_id)
            response = self.refused(Internal("the gateway failed; its log knows this request's id"))
        return response

    def refused(self, exc: GatewayError) -> HttpResponse:
        """The error's answer."""
        return respond(openai_body(exc), error_headers(exc, self.request_id), exc.status)


def headers_of(request: HttpRequest) -> Headers:
    """The request's headers as ASGI has them: pairs of bytes, names in lower case."""
    assert isinstance(request, ASGIRequest)
    headers: Headers = request.scope["headers"]
    return headers


def respond(body: bytes, headers: Headers, status: int = 200) -> HttpResponse:
    """A finished JSON answer."""
    response = HttpResponse(body, status=status, content_type="application/json")
    for name, value in headers:
        response.headers[name.decode()] = value.decode()
    return response
