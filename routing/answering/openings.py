"""How does one candidate begin to answer? What comes before the first content is held back until then."""

import asyncio
from collections.abc import AsyncGenerator

from providers import attempts
from providers.attempts import Bounds
from providers.chat import ChatRequest, Chunk
from providers.errors import BadUpstreamResponse
from routing.answering.tries import Try

Batches = AsyncGenerator[list[Chunk], None]


class Opening:
    """An attempt that has begun to speak: `first` is all until the first content, `rest` what follows."""

    __slots__ = ("attempt", "first", "rest")

    def __init__(self, attempt: Try, first: list[Chunk], rest: Batches) -> None:
        self.attempt, self.first, self.rest = attempt, first, rest

    async def abandon(self) -> None:
        """Let go of it: another spoke first."""
        await self.rest.aclose()
        self.attempt.close(asyncio.CancelledError())


def batches_of(request: ChatRequest, attempt: Try, bounds: Bounds) -> Batches:
    """The upstream's batches of chunks."""
    return attempts.stream(request, attempt.target, attempt.secret, attempt.marks, bounds)


async def opened(attempt: Try, batches: Batches) -> Opening | None:
    """Wait for the first content; None when the attempt failed and another may be asked. Raises what ends the request.

    The attempt's books are closed unless an `Opening` is returned: then its consumer closes them.
    """
    try:
        return Opening(attempt, await _first(attempt, batches), batches)
    except BaseException as exc:
        await batches.aclose()
        if attempt.close(exc):
            return None
        raise


async def _first(attempt: Try, batches: Batches) -> list[Chunk]:
    held: list[Chunk] = []
    async for batch in batches:
        held += batch
        if attempt.saw(batch):
            return held
    if not held:
        raise BadUpstreamResponse("the stream ended without a single event")
    return held
