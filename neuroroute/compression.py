"""What goes to browsers is compressed; what goes to applications is not, for it should leave at once."""

from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

TO_APPLICATIONS: Final = ("/v1/", "/health", "/metrics", "/api/health", "/api/metrics")


class PageCompression(GZipMiddleware):
    """Django's gzip, whose random padding hides what a response's length would tell, for all but the data plane."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.path.startswith(TO_APPLICATIONS):
            return response
        return super().process_response(request, response)
