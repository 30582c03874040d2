"""What is a scenario of the drill? Who fails how, what is asked, and a pure judge of what came back."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import cache
from typing import Any, ClassVar, Final

from msgspec import Struct

from neuroroute.plugins import discover
from providers.sandbox.testing import Received
from routing.drill.casting import STREAM, Cast, Take
from routing.drill.hearing import Heard

FALLBACK: Final = ":fallback"  # how the names of the two providers of a take end
PRIMARY: Final = ":primary"
Story = dict[str, Any]


class Scene(Struct, kw_only=True):
    """All that can be known once a take is over: what the client got, what was recorded, what the upstreams saw."""

    take: Take
    pace: float
    heard: list[Heard]
    stories: list[Story]
    primary: list[Received]
    fallback: list[Received]
    bearable_s: float  # of silence, as the installation sets it

    @property
    def last(self) -> Heard:
        return self.heard[-1]

    @property
    def story(self) -> Story:
        return self.stories[-1]


class Stage(ABC):
    """What a scenario may do while it is played."""

    pace: float
    heard: list[Heard]

    @abstractmethod
    async def ask(self) -> Heard:
        """Ask once, and keep what came."""

    @abstractmethod
    async def wait(self, seconds: float) -> None:
        """Let time pass."""

    @abstractmethod
    def primary_fails(self, fault: str | None) -> None:
        """From now on the primary fails so with every call; None: it is healthy."""


class Scenario(ABC):
    """One failure. Instances hold no state."""

    name: ClassVar[str]  # as in the public yardstick
    title: ClassVar[str]
    means: ClassVar[str]  # what passing means
    takes: ClassVar[tuple[Take, ...]] = (STREAM,)

    @abstractmethod
    def cast(self, take: Take, pace: float) -> Cast:
        """Who plays, with what behaviour."""

    async def play(self, stage: Stage) -> None:
        """Ask once; a scenario that takes longer says how."""
        await stage.ask()

    @abstractmethod
    def complaints(self, scene: Scene) -> Iterator[str]:
        """What is wrong with what came, each in one sentence; nothing: passed."""


@cache
def scenarios() -> Mapping[str, Scenario]:
    """Every scenario by its name, in the order of names."""
    found = discover("routing.drill.scenarios", Scenario)
    return {name: found[name]() for name in sorted(found)}


async def several(times: int, ask: Callable[[], Awaitable[object]]) -> None:
    """Ask one after the other."""
    for _ in range(times):
        await ask()
