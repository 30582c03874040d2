"""The data plane's way into Django: no middleware, no thread-sensitive context, no request hooks, the body read once.

Stock `ASGIHandler` opens a thread context, dispatches two hooks and starts two tasks per request, for database
connections that this path never uses (docs/adr/0003-lean-handler.md has the figures).
"""

import io
from collections.abc import Awaitable, Callable
from typing import Any, Final

from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.urls import ResolverMatch

from routing.api.base import Finished
from routing.api.entry import new_id
from routing.api.errors import error_headers, openai_body
from routing.api.leaving import Receive, while_client_stays
from routing.errors import BodyTooLarge

Send = Callable[[dict[str, Any]], Awaitable[None]]


class LeanHandler(ASGIHandler):
    """Runs the asynchronous views of the data plane; the body stands in `scope["neuroroute.body"]`."""

    def load_middleware(self, is_async: bool = False) -> None:
        """None at all."""
        self._matches: dict[str, ResolverMatch] = {}
        self._view_middleware = []
        self._template_response_middleware = []
        self._exception_middleware = []
        self._middleware_chain = self._get_response_async

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await while_client_stays(receive, self._serve(scope, send))

    async def _serve(self, scope: dict[str, Any], send: Send) -> None:
        request = self.request_class(scope, io.BytesIO(scope["neuroroute.body"]))
        await self.send_response(await self._get_response_async(request), send)

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        """Django's, but each address is looked up once: the data plane has a handful of them."""
        match = self._matches.get(request.path_info)
        if match is None:
            match = super().resolve_request(request)
            if not match.kwargs:
                self._matches[request.path_info] = match
        request.resolver_match = match
        return match

    async def send_response(self, response: Finished, send: Send) -> None:
        """Send a finished answer."""
        headers = [*response.headers, (b"content-length", str(len(response.body)).encode())]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})


TOO_LARGE: Final = "the body is longer than {limit} bytes (MAX_BODY_BYTES)"


async def read_body(receive: Receive, send: Send, limit: int) -> bytes | None:
    """The whole body; None when the client left, or was refused because of its size."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            await refuse(send, limit)
            return None
        if not message.get("more_body", False):
            return piece if not pieces else b"".join([*pieces, piece])
        pieces.append(piece)


async def refuse(send: Send, limit: int) -> None:
    """Answer 413 without reading further."""
    exc = BodyTooLarge(TOO_LARGE.format(limit=limit))
    headers = [*error_headers(exc, new_id()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": exc.status, "headers": headers})
    await send({"type": "http.response.body", "body": openai_body(exc)})
