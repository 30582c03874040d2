"""Views of the data plane that read or write the database: stock Django runs them, in a thread."""

import logging

from django.db import InterfaceError, OperationalError
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.views import APIView

from providers.errors import GatewayError
from routing.api.base import MethodNotAllowed
from routing.api.entry import caller_of, new_id
from routing.api.errors import Internal, error_headers, told
from routing.errors import UnknownAddress
from routing.runtime import runtime
from routing.surfaces import surface_for
from tenants.callers import Caller

logger = logging.getLogger(__name__)


class DatabaseView(APIView):
    """Knows its caller by the client key; its errors look like everybody's."""

    authentication_classes = ()
    permission_classes = ()

    def caller(self, request: Request) -> Caller:
        """Who calls; raises `Unauthenticated`."""
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in request.headers.items()]
        return caller_of(headers, runtime().keyring.current)

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        """Every error in the shape of our own."""
        error = exc if isinstance(exc, GatewayError) else ours(exc)
        surface, request_id = surface_for(self.request.path), new_id()
        response = HttpResponse(surface.error(told(error, request_id)), status=error.status)
        for name, value in error_headers(error, request_id) + surface.headers(request_id):
            response.headers[name.decode()] = value.decode()
        return response


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
    """Every address below /v1 that nothing else answers: clients of an API read JSON, not pages."""

    def initial(self, request: Request, address: str) -> None:
        raise UnknownAddress(f"/v1/{address[:200]}: there is nothing at this address")
