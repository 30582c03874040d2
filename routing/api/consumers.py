"""Every surface with `stream: true`: server-sent events through a Channels consumer.

Channels' own `AsyncHttpConsumer` hears the client leave only after `handle()` has returned; this one listens all the
time and cancels the upstream at once.
"""

import asyncio
import logging
from contextlib import aclosing
from typing import Any, Final

from channels.generic.http import AsyncHttpConsumer
from django.conf import settings

from providers.chat import ChatRequest
from providers.errors import GatewayError
from routing.api.entry import enter, new_id
from routing.api.errors import Internal, error_headers, told
from routing.api.headers import EVENT_STREAM, Headers, metadata, story_headers, unknown_story_headers
from routing.api.keepalive import KeepAlive
from routing.api.leaving import STOPPING, Receive, was_broken_off, while_client_stays
from routing.asked import Asked
from routing.runtime import runtime
from routing.surfaces.base import StreamWriter, Surface
from tenants.admission import Admission
from tenants.callers import Caller

logger = logging.getLogger(__name__)

COMMENT: Final = b": keep-alive\n\n"
WAITS_S: Final = (settings.STREAM_HEADERS_AFTER_S, settings.KEEP_ALIVE_S)
RECOVERED: Final = b": x-neuroroute-recovered\n\n"  # the headers are long out: a comment is where the mark can stand


class StreamConsumer(AsyncHttpConsumer):
    """A consumer that ends its work when its client leaves. `body` has been read by `neuroroute.asgi`."""

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Any) -> None:
        self.scope, self.base_send = scope, send
        await while_client_stays(scope, receive, self.handle(scope["neuroroute.body"]))


class SurfaceStream(StreamConsumer):
    """Streams one answer in its surface's form."""

    def __init__(self, surface: Surface) -> None:
        super().__init__()
        self.surface = surface
        self.request_id = new_id()
        self.writer: StreamWriter | None = None
        self.begun = False  # the headers are out

    async def handle(self, body: bytes) -> None:
        try:
            headers = self.scope["headers"]
            asked, caller, admission = await enter(self.surface, headers, body, self.request_id, runtime())
            with admission:
                await self.pour(asked, caller, admission)
        except GatewayError as exc:
            await self.refuse(exc)
        except asyncio.CancelledError:
            if was_broken_off():
                await self.refuse(STOPPING)
            raise
        except Exception:
            logger.exception("request req_%s failed", self.request_id)
            await self.refuse(Internal("the gateway failed; its log knows this request's id"))

    async def pour(self, asked: Asked[ChatRequest], caller: Caller, admission: Admission) -> None:
        """Send the chunks as they come. Where the caller wants the decision explained, the last event waits for it."""
        explain = caller.explain or asked.wishes.options.explain
        writer = self.writer = self.surface.writer(asked.request, explain)
        noted = recovered = False
        with KeepAlive(lambda: self.keep_alive(admission), *WAITS_S) as waiting:
            async with aclosing(runtime().engine.stream(asked, caller)) as batches:
                async for batch, outcome in batches:
                    waiting.spoken = True
                    if not noted:
                        noted = True
                        admission.note(outcome)
                    if not self.begun:
                        await self.begin(story_headers(outcome, admission.states, outcome.warnings))
                    if outcome.recovered and not recovered:
                        recovered = True
                        await self.send_body(RECOVERED, more_body=True)
                    if data := writer.write(batch):
                        await self.send_body(data, more_body=True)
        await self.send_body(writer.end(metadata(outcome) if explain else None))

    async def begin(self, headers: Headers) -> None:
        """Send status and headers: from here on an error is an event in the stream."""
        self.begun = True
        await self.send_headers(headers=EVENT_STREAM + headers + self.surface.headers(self.request_id))

    async def keep_alive(self, admission: Admission) -> None:
        """Nobody has spoken for as long as the client can bear: the headers without a story, and a comment."""
        if not self.begun:
            await self.begin(unknown_story_headers(self.request_id, admission.states))
        await self.send_body(COMMENT, more_body=True)

    async def refuse(self, exc: GatewayError) -> None:
        """Before the first byte an error answer; after it an error inside the stream: a cut is never success."""
        error = told(exc, self.request_id)
        if self.begun and self.writer is not None:
            await self.send_body(self.writer.broken(error))
        else:
            headers = error_headers(exc, self.request_id) + self.surface.headers(self.request_id)
            await self.send_response(exc.status, self.surface.error(error), headers=headers)
