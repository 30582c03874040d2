"""The data plane's way into Django: no middleware, no thread-sensitive context, no request hooks, the body read once.

It stands beside Django's `ASGIHandler`, which opens a thread context, dispatches two hooks and starts two tasks per
request, for database connections that this path never uses (docs/adr/0003-lean-handler.md has the figures).
"""

import io
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from django.core.handlers.asgi import ASGIRequest
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils.functional import cached_property

from providers.errors import GatewayError
from routing.api.base import Finished
from routing.api.entry import new_id
from routing.api.errors import error_headers, told
from routing.api.leaving import Receive, Scope, while_client_stays
from routing.errors import BodyTooLarge, UnknownAddress
from routing.surfaces import surface_for

Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class LeanRequest(ASGIRequest):
    """Django's request, whose body has been read. `META`, which no view here looks at, is made for whoever asks."""

    resolver_match = None

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.path = self.path_info = scope["path"]
        self.method = scope["method"]
        self._body = scope["neuroroute.body"]

    @cached_property
    def META(self) -> dict[str, Any]:  # type: ignore[override]  # noqa: N802 - Django's name
        return ASGIRequest(self.scope, io.BytesIO()).META


class LeanHandler:
    """Runs the asynchronous views of the data plane; the body stands in `scope["neuroroute.body"]`."""

    def __init__(self) -> None:
        self._matches: dict[str, ResolverMatch] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await while_client_stays(scope, receive, self._serve(scope, send))

    async def _serve(self, scope: Scope, send: Send) -> None:
        try:
            match = self._resolve(scope["path"])
        except Resolver404:
            await send_finished(refusal(UnknownAddress("there is nothing at this address"), scope["path"]), send)
        else:
            await send_finished(await match.func(LeanRequest(scope), *match.args, **match.kwargs), send)

    def _resolve(self, path: str) -> ResolverMatch:
        """Django's resolver, asked once per address: the data plane has a handful of them."""
        match = self._matches.get(path)
        if match is None:
            match = resolve(path.rstrip("/"))
            if not match.kwargs:
                self._matches[path] = match
        return match


async def send_finished(response: Finished, send: Send) -> None:
    """Send a finished answer."""
    headers = [*response.headers, (b"content-length", str(len(response.body)).encode())]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


CLOSE: Final = (b"connection", b"close")
TOO_LARGE: Final = "the body is longer than {limit} bytes (MAX_BODY_BYTES)"


async def read_body(receive: Receive, send: Send, limit: int, path: str) -> bytes | None:
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
            await refuse(send, limit, path)
            return None
        if not message.get("more_body", False):
            return piece if not pieces else b"".join([*pieces, piece])
        pieces.append(piece)


def bounded(receive: Receive, send: Send, limit: int, path: str) -> Receive:
    """`receive` for Django, which would keep a body on disk however long it is, before it looks at a key: one that is
    too long is answered here, and for Django its client has left."""
    size = 0

    async def receive_within() -> dict[str, Any]:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size <= limit:
            return message
        await refuse(send, limit, path)
        return {"type": "http.disconnect"}

    return receive_within


async def refuse(send: Send, limit: int, path: str) -> None:
    """Answer 413 without reading further."""
    await send_finished(refusal(BodyTooLarge(TOO_LARGE.format(limit=limit)), path, CLOSE), send)


def refusal(exc: GatewayError, path: str, *more: tuple[bytes, bytes]) -> Finished:
    """The answer to a request that no view has seen, in the form that is spoken at its address."""
    surface, request_id = surface_for(path), new_id()
    headers = [*error_headers(exc, request_id), *surface.headers(request_id), *more]
    return Finished(exc.status, headers, surface.error(told(exc, request_id)))
