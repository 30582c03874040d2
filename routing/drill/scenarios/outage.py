"""What when an upstream is down for a while and comes back?"""

from collections.abc import Iterator

from routing.drill.casting import HEALTHY, Cast, Take
from routing.drill.judging import at_most, recorded, whole
from routing.drill.scenario import PRIMARY, Scenario, Scene, Stage

DOWN_S = 60.0
REQUESTS = 20
PROBES = 12  # calls until the breaker opens, and the probes of a minute
RETURN_S = 1.0  # between two looks whether it is asked again
LOOKS = 130  # a cooldown grows with every failed probe, to two minutes


class Outage(Scenario):
    name = "S15"
    title = "Primary down for 60 s, 20 requests"
    means = "All are answered; the primary is probed, not flooded, and returns to rotation."

    def cast(self, take: Take, pace: float) -> Cast:
        return Cast(HEALTHY)

    async def play(self, stage: Stage) -> None:
        stage.primary_fails("503")
        for _ in range(REQUESTS):
            await stage.ask()
            await stage.wait(stage.pace * DOWN_S / REQUESTS)
        stage.primary_fails(None)
        for _ in range(LOOKS):
            back = await stage.ask()
            if back.headers.get("x-neuroroute-provider", "").endswith(PRIMARY):
                return
            await stage.wait(RETURN_S)

    def complaints(self, scene: Scene) -> Iterator[str]:
        for heard in scene.heard:
            yield from whole(heard)
        yield from recorded(scene)
        yield from at_most([call for call in scene.primary if call.fault], PROBES, "a few probes while it is down")
        if scene.stories and not str(scene.story["provider"]).endswith(PRIMARY):
            yield "The primary was healthy again and did not return to rotation."
