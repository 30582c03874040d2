"""One attempt on the wire: an adapter's bytes sent, timed and read back. It retries nothing and records nothing."""

import asyncio
import math
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from msgspec import Struct

from providers import http
from providers.adapters import adapters
from providers.adapters.base import StreamDecoder, WireRequest
from providers.chat import Answer, ChatRequest, Chunk
from providers.errors import BadUpstreamResponse, DeadlineReached, TakenTooSlowly, UpstreamStalled, UpstreamTimeout
from providers.headroom import hear
from providers.loopwatch import lost_s
from providers.requests import Request
from providers.targets import Secret, Target
from providers.wire.requestids import request_id_of

ERROR_BODY_LIMIT = 64 * 1024
ERROR_BODY_S = 5.0


class Bounds(Struct, frozen=True):
    """Until when one attempt may take (`time.monotonic()` seconds), whatever its deployment's own limits say: until
    `first` to begin to answer, or to answer whole; until `end` to end. `wished`: by its caller, not by the operator."""

    first: float = math.inf
    end: float = math.inf
    wished: bool = False

    def told(self, error: UpstreamTimeout, *, begun: bool) -> UpstreamTimeout:
        """The error, or one that blames nobody where its caller's own deadline was what ran out."""
        reached = self.wished and monotonic() >= (self.end if begun else self.first)
        return DeadlineReached(f"{error.message}, by the request's own deadline") if reached else error


UNBOUND: Final = Bounds()


@dataclass(slots=True)
class Marks:
    """When things happened, as `time.monotonic()` seconds; what the wire could not carry."""

    sent: float = 0.0
    first_byte: float | None = None
    first_token: float | None = None
    waited_s: float = 0.0  # time spent waiting for the upstream
    lost_before_s: float = 0.0  # what our own event loop had lost when it was sent (`providers/loopwatch.py`)
    warnings: list[str] = field(default_factory=list)
    request_id: str | None = None  # the upstream's own
    arrived: list[bytes] | None = None  # the body of a whole answer as far as it came, until it was understood

    def warn(self, wire: WireRequest, request: Request) -> None:
        """Note what the wire could not carry, and what the chat's form could not where it stood in between."""
        self.warnings += wire.warnings if wire.native else (*request.lost, *wire.warnings)


async def complete(
    request: Request, target: Target, secret: Secret | None, marks: Marks, bounds: Bounds = UNBOUND
) -> Answer:
    """Ask once for a whole answer; raises `ProviderError`."""
    operation = adapters()[target.wire].operation(request.operation)
    wire = operation.request(request, target, secret)
    marks.warn(wire, request)
    limits = target.timeouts
    marks.sent = monotonic()
    url = target.base_url + wire.path
    first_byte = min(marks.sent + limits.whole_s, bounds.first)
    try:
        async with http.Exchange(url, wire.headers, wire.body, limits.connect_s, first_byte) as reply:
            await _begun(reply, target, secret, marks)
            marks.arrived = []
            ends = min(marks.sent + limits.total_s, bounds.first)
            body = await reply.read_all(ends, operation.longest_answer, first_byte, limits.stall_s, marks.arrived)
    except UpstreamTimeout as exc:
        raise bounds.told(exc, begun=False) from exc
    marks.waited_s = monotonic() - marks.sent
    answer = operation.answer(body, request, target)
    marks.arrived = None
    return answer


async def stream(
    request: ChatRequest, target: Target, secret: Secret | None, marks: Marks, bounds: Bounds = UNBOUND
) -> AsyncGenerator[list[Chunk], None]:
    """Ask once for a streamed answer and yield its chunks as they arrive, a list per read; raises `ProviderError`.

    Consume it inside `contextlib.aclosing`: closing it closes the connection.
    """
    adapter = adapters()[target.wire]
    wire = adapter.request(request, target, secret)
    marks.warn(wire, request)
    limits = target.timeouts
    decoder = adapter.decoder(request, target)
    marks.sent, marks.lost_before_s = monotonic(), lost_s(asyncio.get_running_loop())
    first_byte = min(marks.sent + limits.first_byte_s, bounds.first)
    url = target.base_url + wire.path
    try:
        async with http.Exchange(url, wire.headers, wire.body, limits.connect_s, first_byte) as reply:
            await _begun(reply, target, secret, marks)
            marks.waited_s = monotonic() - marks.sent
            async with aclosing(_chunks(reply, decoder, target, marks, bounds)) as batches:
                async for batch in batches:
                    yield batch
    except TakenTooSlowly:
        raise
    except UpstreamTimeout as exc:
        raise bounds.told(exc, begun=marks.first_token is not None) from exc


async def _begun(reply: http.Reply, target: Target, secret: Secret | None, marks: Marks) -> None:
    """Note what the head of an answer says; raises `ProviderError` where it is a refusal."""
    marks.first_byte = monotonic()
    marks.request_id = request_id_of(reply.fields)
    hear(target, secret, reply, marks.first_byte)
    if reply.status != 200:
        await _refuse(reply, target)


async def _chunks(
    reply: http.Reply, decoder: StreamDecoder, target: Target, marks: Marks, bounds: Bounds
) -> AsyncGenerator[list[Chunk], None]:
    """Read until the wire's end mark or the end of the body, each wait bounded by the phase's own limit.

    Where more has come already, nobody waits: then the end holds for whoever takes it.
    """
    ends, loop = min(marks.sent + target.timeouts.total_s, bounds.end), asyncio.get_running_loop()
    while not decoder.done:
        asked = monotonic()
        if asked > ends and asked > ends + lost_s(loop) - marks.lost_before_s:
            raise TakenTooSlowly("the answer was not taken in time")
        try:
            data = await reply.read(*_deadline(asked, ends, marks, target, bounds))
        finally:
            marks.waited_s += monotonic() - asked
        batch = decoder.finish() if not data else decoder.feed(data)
        if batch:
            if marks.first_token is None and any(chunk.content_length for chunk in batch):
                marks.first_token = monotonic()
            yield batch
        if decoder.pending is not None:
            raise decoder.pending
        if not data:
            return


def _deadline(
    now: float, ends: float, marks: Marks, target: Target, bounds: Bounds
) -> tuple[float, str, type[UpstreamTimeout]]:
    """Until when to wait for the next bytes, and what to say, and to raise, when they do not come."""
    limits = target.timeouts
    kind: type[UpstreamTimeout] = UpstreamTimeout
    if marks.first_token is None:
        deadline, late = min(marks.sent + limits.first_token_s, bounds.first), "no first token in time"
    else:
        deadline, late, kind = now + limits.stall_s, "the stream stalled", UpstreamStalled
    return (
        (deadline, late, kind) if deadline <= ends else (ends, "the answer was not complete in time", UpstreamTimeout)
    )


async def _refuse(reply: http.Reply, target: Target) -> None:
    """Raise what the upstream's refusal means."""
    if 300 <= reply.status < 400:
        raise BadUpstreamResponse("the upstream redirects, which is refused", upstream_status=reply.status)
    body = await reply.read_all(monotonic() + ERROR_BODY_S, ERROR_BODY_LIMIT)
    raise adapters()[target.wire].error(reply.status, reply.headers, body)
