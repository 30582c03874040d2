"""What goes to browsers is compressed; what goes to applications is not, for it should leave at once."""

import secrets
from collections.abc import AsyncIterator
from gzip import GzipFile
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware, re_accepts_gzip
from django.utils.cache import patch_vary_headers
from django.utils.text import StreamingBuffer

TO_APPLICATIONS: Final = ("/v1/", "/health", "/metrics", "/api/health", "/api/metrics")


class PageCompression(GZipMiddleware):
    """Django's gzip, whose random padding hides what a response's length would tell, for all but the data plane."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.path.startswith(TO_APPLICATIONS):
            return response
        if getattr(response, "is_async", False):
            return self._streamed(request, response)
        return super().process_response(request, response)

    def _streamed(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Django packs each piece of such an answer by itself, and browsers read no further than the first."""
        patch_vary_headers(response, ("Accept-Encoding",))
        accepts = re_accepts_gzip.search(request.META.get("HTTP_ACCEPT_ENCODING", ""))
        if accepts and not response.has_header("Content-Encoding"):
            response.streaming_content = _packed(response.streaming_content, self.max_random_bytes)  # type: ignore[attr-defined]
            response["Content-Encoding"] = "gzip"
            del response["Content-Length"]
        return response


async def _packed(pieces: AsyncIterator[bytes], padding: int) -> AsyncIterator[bytes]:
    """All pieces as one stream, each sent on when it is there."""
    sent, name = StreamingBuffer(), "a" * secrets.randbelow(padding + 1)
    with GzipFile(filename=name, mode="wb", compresslevel=6, fileobj=sent, mtime=0) as packer:
        async for piece in pieces:
            packer.write(piece)
            packer.flush()
            yield sent.read()
    yield sent.read()
