"""How are the takes of a drill played? All at once, each on its own upstreams, by one client."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.conf import settings

from providers.sandbox.testing import Received
from routing.drill.asking import Client
from routing.drill.casting import Cast, Take
from routing.drill.hearing import Heard
from routing.drill.rows import PLAIN, RECOVERING, Casting
from routing.drill.scenario import Scenario, Scene, Stage, Story
from routing.drill.upstreams import Upstream

SETTLES_S: Final = 2.0  # in which a gateway has closed its connections to upstreams
POLL_S: Final = 0.05
STAGGER_S: Final = 0.1  # what all began at once would measure each other


@dataclass(slots=True)
class Play(Stage):
    """One take of a scenario on its upstreams, whose ports are taken from the start."""

    scenario: Scenario
    take: Take
    pace: float
    host: str
    heard: list[Heard] = field(default_factory=list)
    cast: Cast = field(init=False)
    primary: Upstream = field(init=False)
    fallback: Upstream | None = field(init=False)
    client: Client | None = None

    def __post_init__(self) -> None:
        self.cast = self.scenario.cast(self.take, self.pace)
        self.primary = Upstream(self.cast.primary, self.host)
        self.fallback = Upstream(self.cast.fallback, self.host) if self.cast.fallback else None

    @property
    def model(self) -> str:
        """The name of the model that this take asks for, and nobody else."""
        name = f"drill:{self.scenario.name.lower()}"
        return f"{name}-{self.take.suffix}" if self.take.suffix else name

    @property
    def casting(self) -> Casting:
        """What the configuration must hold for it."""
        fallback = self.cast.fallback
        other = (fallback, self.fallback.base_url) if fallback and self.fallback else None
        return Casting(self.model, (self.cast.primary, self.primary.base_url), other)

    async def ask(self) -> Heard:
        assert self.client is not None
        heard = await self.client.ask(self.model, RECOVERING if self.take.recovery else PLAIN, self.take)
        self.heard.append(heard)
        return heard

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def primary_fails(self, fault: str | None) -> None:
        self.primary.fail(fault)

    async def perform(self, client: Client) -> Scene:
        """Play it to the end, and gather what there is to know."""
        self.client = client
        over = asyncio.Event()
        upstreams = [each for each in (self.primary, self.fallback) if each]
        serving = [asyncio.create_task(each.play(over)) for each in upstreams]
        try:
            await self.scenario.play(self)
            await _settled(upstreams)
            return Scene(
                take=self.take,
                pace=self.pace,
                heard=self.heard,
                stories=await self._stories(client),
                primary=self.primary.calls,
                fallback=self._fallback_calls(),
                bearable_s=max(settings.STREAM_HEADERS_AFTER_S, settings.KEEP_ALIVE_S),
            )
        finally:
            over.set()
            await asyncio.gather(*serving, return_exceptions=True)

    async def _stories(self, client: Client) -> list[Story]:
        ids = [heard.request_id for heard in self.heard if heard.request_id]
        found = await asyncio.gather(*(client.story(request_id) for request_id in ids))
        return [story for story in found if story is not None]

    def _fallback_calls(self) -> list[Received]:
        return self.fallback.calls if self.fallback else []

    def close(self) -> None:
        """Give the ports back."""
        self.primary.close()
        if self.fallback:
            self.fallback.close()


Over = tuple[Play, Scene]


async def perform(plays: Sequence[Play], url: str, key: str, tell: Callable[[Over], None]) -> None:
    """Play all takes beside each other; `tell` hears of each as it is over."""
    client = Client(url, key)

    async def one(play: Play, number: int) -> None:
        await asyncio.sleep(number * STAGGER_S)
        tell((play, await play.perform(client)))

    try:
        async with asyncio.TaskGroup() as group:
            for number, play in enumerate(plays):
                group.create_task(one(play, number))
    finally:
        await client.close()


async def _settled(upstreams: Sequence[Upstream]) -> None:
    """Wait until no call runs any more, a little while at most."""
    for _ in range(int(SETTLES_S / POLL_S)):
        if not any(each.busy for each in upstreams):
            return
        await asyncio.sleep(POLL_S)
