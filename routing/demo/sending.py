"""How is the sample traffic sent? As clients send it: over HTTP, some requests at a time, through the gateway."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import httpx

from routing.demo.turns import Turn
from routing.demo.upstreams import Upstream

AT_ONCE: Final = 8
LONGEST_S: Final = 60.0
DOWN: Final = "openai"  # the wire of the provider that has the outage
Tell = Callable[[bool], None]  # a request is over; whether the gateway took it in


async def send(turns: Iterable[Turn], upstreams: Sequence[Upstream], url: str, keys: Sequence[str], tell: Tell) -> None:
    """Send all of them while the upstreams answer."""
    over = asyncio.Event()
    serving = [asyncio.create_task(each.play(over)) for each in upstreams]
    try:
        async with httpx.AsyncClient(base_url=url, timeout=LONGEST_S, trust_env=False) as client:
            await _send(turns, upstreams, client, keys, tell)
    finally:
        over.set()
        await asyncio.gather(*serving, return_exceptions=True)


async def _send(
    turns: Iterable[Turn], upstreams: Sequence[Upstream], client: httpx.AsyncClient, keys: Sequence[str], tell: Tell
) -> None:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(turn: Turn) -> None:
        try:
            tell(await _ask(client, turn, keys[turn.key]))
        finally:
            room.release()

    outage = False
    async with asyncio.TaskGroup() as group:
        for turn in turns:
            await room.acquire()
            if turn.outage != outage:
                outage = turn.outage
                _falter(upstreams, outage)
            group.create_task(one(turn))


def _falter(upstreams: Iterable[Upstream], outage: bool) -> None:
    for each in upstreams:
        each.falter(down=outage and each.wire == DOWN)


async def _ask(client: httpx.AsyncClient, turn: Turn, key: str) -> bool:
    """Ask, and read to the end, or leave; whether the gateway recorded it."""
    headers = {"authorization": f"Bearer {key}"}
    try:
        async with client.stream("POST", turn.path, json=turn.body, headers=headers) as got:
            taken = got.status_code not in (401, 404) and "x-request-id" in got.headers
            async for _ in got.aiter_raw():
                if turn.leaves:
                    break
        return taken
    except httpx.TransportError:
        return False
