"""The data plane's views: DRF's `APIView`, made asynchronous from end to end.

DRF's own dispatch costs a thread hop for rendering and a negotiation per request; here there is one parser (msgspec,
in `entry.py`), one renderer (JSON bytes), and the finished answer is returned. Errors become bodies in
`errors.py` only.
"""

import asyncio
import logging
from collections.abc import Coroutine
from functools import partial, wraps
from typing import Any, ClassVar

from asgiref.sync import markcoroutinefunction
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from rest_framework.views import APIView

from providers.errors import GatewayError
from routing.api.entry import idempotency_key, new_id
from routing.api.errors import Internal, error_headers, openai_body
from routing.api.headers import JSON, id_headers
from routing.api.leaving import STOPPING, was_broken_off
from routing.api.once import once
from routing.errors import RoutingError
from routing.repeating.finished import Finished as Finished

logger = logging.getLogger(__name__)
Headers = list[tuple[bytes, bytes]]


class MethodNotAllowed(RoutingError):
    """This address does not take this method."""

    status, type, code = 405, "invalid_request_error", "method_not_allowed"


class GatewayView(APIView):
    """A view of the data plane, run by `LeanHandler` alone: its methods are coroutines that return `Finished`."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    route: ClassVar[str] = ""  # one of `tenants.callers.ROUTES`; empty: open to every key
    request_id: str

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if hasattr(cls, "get") and not hasattr(cls, "head"):
            cls.head = cls.get  # type: ignore[attr-defined]  # the server leaves the body out

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """DRF's, but for what it wraps every call in: nothing here goes by cookies, so there is nothing to forge."""
        made = super().as_view(**initkwargs)

        @wraps(made)
        def view(request: HttpRequest, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Finished]:
            return cls(**initkwargs).dispatch(request, *args, **kwargs)

        return markcoroutinefunction(view)

    async def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Finished:  # type: ignore[override]
        """Call the method's coroutine; every error ends here, once."""
        self.request_id = new_id()
        try:
            method = (request.method or "").lower()
            if method not in self.http_method_names or not hasattr(self, method):
                return self.refused(self._not_allowed(request), self._allow())
            if method == "post" and (key := idempotency_key(headers_of(request))) is not None:
                work = partial(self._told, request)
                return await once(key, self.route, request.path, headers_of(request), request.body, work)
            return await getattr(self, method)(request, *args, **kwargs)
        except GatewayError as exc:
            return self.refused(exc)
        except asyncio.CancelledError:
            if was_broken_off():
                return self.refused(STOPPING)
            raise
        except Exception:
            logger.exception("request req_%s failed", self.request_id)
            return self.refused(Internal("the gateway failed; its log knows this request's id"))

    async def _told(self, request: HttpRequest) -> Finished:
        """What a POST comes to, an error's answer included: those who sent the same are told that too."""
        try:
            answer: Finished = await getattr(self, "post")(request)  # noqa: B009 - views that take no POST have none
            return answer
        except GatewayError as exc:
            return self.refused(exc)

    async def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Finished:  # type: ignore[override]
        """The methods that this address takes; DRF's own answer describes serializers, and there are none."""
        return Finished(204, id_headers(self.request_id) + self._allow(), b"")

    def refused(self, exc: GatewayError, more: Headers | None = None) -> Finished:
        """The error's answer."""
        return Finished(exc.status, error_headers(exc, self.request_id) + (more or []), openai_body(exc))

    def _not_allowed(self, request: HttpRequest) -> MethodNotAllowed:
        return MethodNotAllowed(f"{request.method} is not allowed; {', '.join(self.allowed_methods)} is")

    def _allow(self) -> Headers:
        return [(b"allow", ", ".join(self.allowed_methods).encode())]


def headers_of(request: HttpRequest) -> Headers:
    """The request's headers as ASGI has them: pairs of bytes, names in lower case."""
    assert isinstance(request, ASGIRequest)
    headers: Headers = request.scope["headers"]
    return headers


def respond(body: bytes, headers: Headers) -> Finished:
    """A JSON answer."""
    return Finished(200, [JSON, *headers], body)
