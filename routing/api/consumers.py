"""`POST /v1/chat/completions` with `stream: true`: server-sent events through a Channels consumer.

Channels' own `AsyncHttpConsumer` hears the client leave only after `handle()` has returned; this one listens all the
time and cancels the upstream at once.
"""

import logging
from contextlib import aclosing
from typing import Any, Final

from channels.generic.http import AsyncHttpConsumer

from providers.chat import Chunk
from providers.errors import GatewayError
from routing.api.entry import enter, new_id
from routing.api.errors import Internal, error_event, error_headers, openai_body
from routing.api.headers import story_headers, with_metadata
from routing.api.leaving import Receive, while_client_stays
from routing.asked import Asked
from routing.runtime import runtime
from tenants.callers import Caller
from tenants.limits import RateState
from usage.outcomes import Outcome

logger = logging.getLogger(__name__)

DONE: Final = b"data: [DONE]\n\n"
EVENT_STREAM: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would hold the stream back otherwise
]


class StreamConsumer(AsyncHttpConsumer):
    """A consumer that ends its work when its client leaves. `body` has been read by `neuroroute.asgi`."""

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Any) -> None:
        self.scope, self.base_send = scope, send
        await while_client_stays(receive, self.handle(scope["neuroroute.body"]))


class ChatStream(StreamConsumer):
    """Streams one chat."""

    async def handle(self, body: bytes) -> None:
        self.request_id = new_id()
        self.begun = False
        self.held: Chunk | None = None
        try:
            asked, caller, rate = await enter(self.scope["headers"], body, self.request_id, runtime())
            await self.pour(asked, caller, rate)
        except GatewayError as exc:
            await self.refuse(exc)
        except Exception:
            logger.exception("request req_%s failed", self.request_id)
            await self.refuse(Internal("the gateway failed; its log knows this request's id"))

    async def pour(self, asked: Asked, caller: Caller, rate: RateState | None) -> None:
        """Send the chunks as they come. Where the caller wants the decision explained, the last event waits for it."""
        explain = caller.explain or asked.wishes.options.explain
        async with aclosing(runtime().engine.stream(asked, caller)) as batches:
            async for batch, outcome in batches:
                if not self.begun:
                    self.begun = True
                    await self.send_headers(headers=EVENT_STREAM + story_headers(outcome, rate, outcome.warnings))
                chunks = batch if asked.request.wants_usage else [c for c in batch if c.event.choices]
                if explain:
                    chunks = [self.held, *chunks] if self.held else chunks
                    self.held = chunks.pop() if chunks else None
                if chunks:
                    await self.send_body(b"".join([c.data for c in chunks]), more_body=True)
        last = explained(self.held, outcome) if self.held else b""
        await self.send_body(last + DONE)

    async def refuse(self, exc: GatewayError) -> None:
        """Before the first byte an error answer; after it an error event and no `[DONE]`: a cut is never success."""
        if self.begun:
            await self.send_body((self.held.data if self.held else b"") + error_event(exc))
        else:
            await self.send_response(exc.status, openai_body(exc), headers=error_headers(exc, self.request_id))


def explained(chunk: Chunk, outcome: Outcome) -> bytes:
    """A chunk's event with `routing_metadata` in its JSON object."""
    payload = chunk.data.removeprefix(b"data: ").rstrip()
    return b"data: " + with_metadata(payload, outcome) + b"\n\n"
