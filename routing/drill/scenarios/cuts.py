"""What when an answer breaks off, stalls, is garbled, or ends without its end mark?"""

from collections.abc import Iterator

from providers.sandbox.steps import Step
from routing.drill.casting import JSON, PIECES, RECOVERY, STREAM, Cast, Limits, Part, Take, beyond, limit
from routing.drill.judging import by_fallback, openly_cut, recorded, whole
from routing.drill.scenario import Scenario, Scene

AFTER = 40  # of sixty
PREFILL = Take("prefill", recovery=True)  # the fallback goes on with the beginning that it is handed
STALL_S = 30.0
STALL_LIMIT_S = 10.0


def breaking(fault: str, **options: float) -> Part:
    """An upstream whose first answer breaks after forty pieces."""
    return Part(first=(Step(fault=fault, pieces=PIECES, after=AFTER, **options),))  # type: ignore[arg-type]


class Cut(Scenario):
    name = "S08"
    title = "Stream cut after 40 of 60 chunks"
    means = "Never a clean end: an explicit error, or by policy a marked recovery, complete and not duplicated."
    takes = (STREAM, RECOVERY, PREFILL)

    def cast(self, take: Take, pace: float) -> Cast:
        return Cast(breaking("cut_mid"), Part(continues=take == PREFILL))

    def complaints(self, scene: Scene) -> Iterator[str]:
        yield from openly_cut(scene)


class Stall(Scenario):
    name = "S09"
    title = "Stream stalls for 30 s"
    means = "The stall limit ends it; then as S08."
    takes = (STREAM, RECOVERY)

    def cast(self, take: Take, pace: float) -> Cast:
        limit_s = limit(STALL_LIMIT_S, pace)
        stalling = breaking("stall_mid", seconds=beyond(STALL_S, limit_s, pace))
        return Cast(Part(first=stalling.first, limits=Limits(stall_timeout_s=limit_s)))

    def complaints(self, scene: Scene) -> Iterator[str]:
        yield from openly_cut(scene)
        if not scene.take.recovery and scene.last.error is None:
            yield "The stall limit did not end the wait."


class Malformed(Scenario):
    name = "S10"
    title = "Malformed chunk"
    means = "As S08, or passed over where nothing was lost; never a crash."
    takes = (STREAM, JSON)

    def cast(self, take: Take, pace: float) -> Cast:
        return Cast(breaking("malformed"))

    def complaints(self, scene: Scene) -> Iterator[str]:
        yield from openly_cut(scene) if scene.take.stream else by_fallback(scene)


class NoEndMark(Scenario):
    name = "S11"
    title = "No [DONE], but a finish reason"
    means = "A complete answer, closed properly."

    def cast(self, take: Take, pace: float) -> Cast:
        return Cast(Part(then=Step(fault="no_done", pieces=PIECES)))

    def complaints(self, scene: Scene) -> Iterator[str]:
        yield from whole(scene.last)
        yield from recorded(scene)
        if scene.fallback:
            yield "The fallback was called although the answer was complete."
