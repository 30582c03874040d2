"""Files that pages need, each in one piece: they are small, and Django warns of a file that it has to stream."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFiles(WhiteNoiseMiddleware):
    """WhiteNoise's headers and finding; the content is read before it is answered."""

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        told = static_file.get_response(request.method, request.META)
        content = b""
        if told.file:
            with told.file:
                content = told.file.read()
        response = HttpResponse(content, status=int(told.status))
        del response["content-type"]
        for name, value in told.headers:
            response[name] = value
        return response
