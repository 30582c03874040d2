"""Views of the data plane that read or write the database: stock Django runs them, in a thread."""

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from providers.errors import GatewayError
from routing.api.entry import caller_of, new_id
from routing.api.errors import error_headers, openai_body
from routing.runtime import runtime
from tenants.callers import Caller


class DatabaseView(APIView):
    """Knows its caller by the client key; its errors look like everybody's."""

    authentication_classes = ()
    permission_classes = ()

    def caller(self, request: Request) -> Caller:
        """Who calls; raises `Unauthenticated`."""
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in request.headers.items()]
        return caller_of(headers, runtime().keyring.current)

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        """Our own errors as bodies; DRF's (method, size) by DRF."""
        if not isinstance(exc, GatewayError):
            return super().handle_exception(exc)
        response = HttpResponse(openai_body(exc), status=exc.status)
        for name, value in error_headers(exc, new_id()):
            response.headers[name.decode()] = value.decode()
        return response
