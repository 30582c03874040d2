"""When is a second candidate started beside the first, and who wins? The first to speak; the other is let go at once.

A policy with hedging starts the next candidate when the first token has not come by the deployment's p95. A token
bucket keeps hedges below 5 % of the requests (Dean and Barroso, The Tail at Scale, CACM 2013).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from routing.answering.openings import Opening

SHARE: Final = 0.05  # hedges per request
MOST_SAVED: Final = 10.0  # hedges that quiet times may save up
SHORTEST_S: Final = 0.005  # sooner, a hedge would double every call

Opens = Coroutine[Any, Any, Opening | None]


class HedgeBudget:
    """Every request pays in a share of a hedge; a hedge takes out one."""

    def __init__(self) -> None:
        self._saved = 1.0

    def paid_in(self) -> None:
        """A request that might be hedged has begun."""
        self._saved = min(self._saved + SHARE, MOST_SAVED)

    def take(self) -> bool:
        """Whether one more hedge may be started."""
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True


async def race(first: Opens, after_s: float, second: Callable[[], Awaitable[Opens | None]]) -> Opening | None:
    """The first of the two that speaks; None when neither does.

    `second` is asked for a rival when `first` has said nothing for `after_s` seconds, and may decline. Raises what an
    opening raises; whoever has not won is cancelled, and has closed its connection when this returns.
    """
    racing = {asyncio.ensure_future(first)}
    try:
        done, _ = await asyncio.wait(racing, timeout=max(after_s, SHORTEST_S))
        if not done and (rival := await second()) is not None:
            racing.add(asyncio.ensure_future(rival))
        while racing:
            done, _ = await asyncio.wait(racing, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                racing.discard(one)
                if (opening := one.result()) is not None:
                    return opening
        return None
    finally:
        await _let_go(racing)


async def _let_go(losers: set["asyncio.Task[Opening | None]"]) -> None:
    for loser in losers:
        loser.cancel()
    for late in await asyncio.gather(*losers, return_exceptions=True):
        if isinstance(late, Opening):  # it spoke in the same moment
            await late.abandon()
