"""What when an upstream limits the rate?"""

from collections.abc import Iterator
from math import ceil

from providers.sandbox.steps import Step
from routing.drill.casting import JSON, SAYS, STREAM, Cast, Part, Take
from routing.drill.judging import at_most, by_fallback, none_between, recorded, whole
from routing.drill.scenario import Scenario, Scene, Stage, several

PAUSE_S = 3.0
ALONE = Take("alone")
EARLY_S = 0.05  # two clocks are compared: the upstream's and the gateway's


def pause_s(pace: float) -> int:
    """Whole seconds, as the header has them."""
    return max(ceil(PAUSE_S * pace), 1)


class RateLimitedOnce(Scenario):
    name = "S01"
    title = "429 with Retry-After, then healthy"
    means = "The answer arrives, and the upstream is left alone until Retry-After has passed."
    takes = (STREAM, JSON, ALONE)

    def cast(self, take: Take, pace: float) -> Cast:
        limited = Part(first=(Step(fault="429", retry_after=str(pause_s(pace))),), then=SAYS)
        return Cast(limited, None) if take == ALONE else Cast(limited)

    async def play(self, stage: Stage) -> None:
        await several(3, stage.ask)

    def complaints(self, scene: Scene) -> Iterator[str]:
        for heard in scene.heard:
            yield from whole(heard)
        if scene.primary:
            limited_at = scene.primary[0].started_at
            until = limited_at + pause_s(scene.pace) - EARLY_S
            yield from none_between(scene.primary, limited_at, until, "before Retry-After had passed")
        yield from recorded(scene)


class RateLimited(Scenario):
    name = "S02"
    title = "429 for the whole run"
    means = "The fallback answers every request; the primary is asked once and then left alone."
    takes = (STREAM, JSON)

    def cast(self, take: Take, pace: float) -> Cast:
        return Cast(Part(then=Step(fault="429", retry_after="60")))

    async def play(self, stage: Stage) -> None:
        await several(6, stage.ask)

    def complaints(self, scene: Scene) -> Iterator[str]:
        yield from by_fallback(scene)
        yield from at_most(scene.primary, 1, "it had asked for a minute's pause")
