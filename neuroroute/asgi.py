"""Where a connection goes: the data plane to the lean handler or a Channels consumer, everything else to Django."""

import logging
import os
from typing import Any, Final

import msgspec
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "neuroroute.settings")
django = get_asgi_application()  # before the imports below: they need the app registry

from routing.api.bodies import UNREADABLE  # noqa: E402
from routing.api.consumers import SurfaceStream  # noqa: E402
from routing.api.lean import LeanHandler, Send, bounded, read_body, refusal, send_finished  # noqa: E402
from routing.api.leaving import Receive, break_off_all  # noqa: E402
from routing.api.urls import LEAN, LEAN_PREFIXES  # noqa: E402
from routing.errors import NotReady  # noqa: E402
from routing.runtime import runtime  # noqa: E402
from routing.surfaces import surface_at  # noqa: E402

PREFIXES: Final = tuple(LEAN_PREFIXES)
lean = LeanHandler()
logger = logging.getLogger(__name__)


class StreamWish(msgspec.Struct):
    """The one field that decides between the two faces."""

    stream: Any = None


_wish = msgspec.json.Decoder(StreamWish)


def wants_stream(body: bytes) -> bool:
    """Whether a body asks for a stream; a body that cannot be read is left to the view, which says why."""
    if b'"stream"' not in body and b"\\u" not in body:  # a name may be written with escapes
        return False
    try:
        return _wish.decode(body).stream is True
    except UNREADABLE:
        return False


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """The ASGI application of a web worker."""
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    try:
        await runtime().ready()
    except Exception as exc:
        logger.error("the worker cannot start: %s", exc)
        unread = NotReady("the gateway has not read its configuration yet; try again soon")
        await send_finished(refusal(unread, scope["path"]), send)
        return
    if scope["type"] == "http" and (scope["path"] in LEAN or scope["path"].startswith(PREFIXES)):
        body = await read_body(receive, send, runtime().max_body_bytes, scope["path"])
        if body is None:
            return
        scope["neuroroute.body"] = body
        surface = surface_at().get(scope["path"])
        if surface and scope["method"] == "POST" and wants_stream(body):
            await SurfaceStream(surface)(scope, receive, send)
        else:
            await lean(scope, receive, send)
    else:
        await django(scope, bounded(receive, send, runtime().max_body_bytes, scope["path"]), send)


async def live(receive: Receive, send: Send) -> None:
    """Start and stop the worker's runtime with the server."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            try:
                await runtime().ready()
            except Exception as exc:
                await send({"type": "lifespan.startup.failed", "message": f"The worker cannot start: {exc}"})
                return
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await runtime().stop()
            await send({"type": "lifespan.shutdown.complete"})
            return


def break_off() -> None:
    """End every answer that still runs, each with an error that says so: the server's patience is over."""
    runtime().engine.stopping = True
    break_off_all()
