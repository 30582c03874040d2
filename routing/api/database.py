"""Views of the data plane that read or write the database: stock Django runs them, in a thread."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from asgiref.sync import async_to_sync, sync_to_async
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.views import APIView

from providers.errors import GatewayError
from routing.api.base import MethodNotAllowed
from routing.api.entry import caller_of, idempotency_key, new_id
from routing.api.errors import Internal, error_headers, told
from routing.api.once import once
from routing.errors import UnknownAddress
from routing.repeating.finished import Finished
from routing.repeating.repeats import Work
from routing.runtime import runtime
from routing.surfaces import surface_for
from tenants.callers import Caller

logger = logging.getLogger(__name__)


class DatabaseView(APIView):
    """Knows its caller by the client key; its errors look like everybody's."""

    authentication_classes = ()
    permission_classes = ()
    route: ClassVar[str] = ""  # as of `GatewayView`
    repeatable: ClassVar[frozenset[str]] = frozenset({"POST"})  # methods that an Idempotency-Key counts for

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """As DRF does; a write with an Idempotency-Key happens once."""
        plain = partial(super().dispatch, request, *args, **kwargs)
        try:
            key = idempotency_key(pairs_of(request)) if request.method in self.repeatable else None
            return plain() if key is None else self._once(key, request, plain)
        except GatewayError as exc:
            return self.handle_exception(exc)

    def _once(self, key: bytes, request: HttpRequest, plain: Callable[[], HttpResponseBase]) -> HttpResponse:
        async def work() -> Finished:
            response = await sync_to_async(plain)()  # in this very thread, which waits meanwhile
            assert isinstance(response, HttpResponse)
            pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.items()]
            return Finished(response.status_code, pairs, response.content)

        answer = async_to_sync(self.once)(key, request, work)
        response = HttpResponse(answer.body, status=answer.status)
        for name, value in answer.headers:
            response.headers[name.decode()] = value.decode("latin-1")
        return response

    async def once(self, key: bytes, request: HttpRequest, work: Work) -> Finished:
        """The answer of `work`, or the one that this caller got before under `key`."""
        return await once(key, self.route, request.path, pairs_of(request), request.body, work)

    def caller(self, request: Request) -> Caller:
        """Who calls; raises `Unauthenticated`, `OutsideScope`."""
        return caller_of(pairs_of(request), runtime().keyring.current, self.route)

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        """Every error in the shape of our own."""
        error = exc if isinstance(exc, GatewayError) else ours(exc)
        surface, request_id = surface_for(self.request.path), getattr(self.request, "neuroroute_id", None) or new_id()
        response = HttpResponse(surface.error(told(error, request_id)), status=error.status)
        for name, value in error_headers(error, request_id) + surface.headers(request_id):
            response.headers[name.decode()] = value.decode()
        return response


def pairs_of(request: HttpRequest | Request) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in request.headers.items()]


class DatabaseAway(GatewayError):
    """The database cannot be asked; what the data plane answers does not need it."""

    status, code = 503, "database_unavailable"


def ours(exc: Exception) -> GatewayError:
    """Somebody else's exception as one of ours; what went wrong inside is for the log alone."""
    if isinstance(exc, exceptions.MethodNotAllowed):
        return MethodNotAllowed(str(exc.detail))
    logger.exception("a request failed", exc_info=exc)
    if isinstance(exc, OperationalError | InterfaceError):
        return DatabaseAway("the gateway cannot reach its database now; try again soon")
    return Internal("the gateway failed; its log says why")


@extend_schema(exclude=True)
class Nowhere(DatabaseView):
    """Every address of /v1 and /api/admin that nothing else answers: clients of an API read JSON, not pages."""

    def initial(self, request: Request, address: str = "") -> None:
        raise UnknownAddress(f"{request.path[:200]}: there is nothing at this address")
