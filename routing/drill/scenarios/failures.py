"""What when an upstream fails before it has said anything?"""

from collections.abc import Iterator

from providers.sandbox.steps import Step
from routing.drill.casting import JSON, STREAM, Cast, Part, Take
from routing.drill.judging import at_most, by_fallback, recorded, whole
from routing.drill.scenario import Scenario, Scene, Stage, several

REFUSED = Take("refused")
REQUESTS = 6


class FailsOnce(Scenario):
    name = "S03"
    title = "500 once"
    means = "The request is retried or failed over, and answered."
    takes = (STREAM, JSON, Take("alone"))

    def cast(self, take: Take, pace: float) -> Cast:
        failing = Part(first=(Step(fault="500"),))
        return Cast(failing, None) if take.suffix == "alone" else Cast(failing)

    def complaints(self, scene: Scene) -> Iterator[str]:
        yield from whole(scene.last)
        yield from recorded(scene)


class Unavailable(Scenario):
    name = "S04"
    title = "503 for the whole run"
    means = "The fallback answers every request."
    takes = (STREAM, JSON)

    def cast(self, take: Take, pace: float) -> Cast:
        return Cast(Part(then=Step(fault="503")))

    async def play(self, stage: Stage) -> None:
        await several(REQUESTS, stage.ask)

    def complaints(self, scene: Scene) -> Iterator[str]:
        yield from by_fallback(scene)
        yield from at_most(scene.primary, REQUESTS, "one per request")


class ConnectionReset(Scenario):
    name = "S05"
    title = "TCP reset, or nobody listens"
    means = "The fallback answers."
    takes = (STREAM, JSON, REFUSED)

    def cast(self, take: Take, pace: float) -> Cast:
        return Cast(Part(closed=True) if take == REFUSED else Part(then=Step(fault="reset")))

    def complaints(self, scene: Scene) -> Iterator[str]:
        yield from by_fallback(scene)
