"""What when an upstream takes the request and then says nothing for too long?"""

from collections.abc import Iterator

from providers.sandbox.steps import Step
from routing.drill.casting import JSON, PIECES, STREAM, Cast, Limits, Part, Take, beyond, limit
from routing.drill.judging import by_fallback, within
from routing.drill.scenario import Scenario, Scene

FIRST_BYTE_S = 5.0
FIRST_TOKEN_S = 18.0
LATE_S = 20.0
ANSWER_S = 3.0  # in which a healthy upstream's answer is through, on a busy machine too
PUNCTUAL_S = 1.0  # how late a sign of life may be, on a busy machine too


class NeverAnswers(Scenario):
    name = "S06"
    title = "Accepts, never answers"
    means = "The time limit for the first byte ends the wait, and the fallback answers."
    takes = (STREAM, JSON)

    def cast(self, take: Take, pace: float) -> Cast:
        limits = Limits(first_byte_timeout_s=limit(FIRST_BYTE_S, pace))
        return Cast(Part(then=Step(fault="hang"), limits=limits))

    def complaints(self, scene: Scene) -> Iterator[str]:
        yield from by_fallback(scene)
        yield from within(scene.last, limit(FIRST_BYTE_S, scene.pace) + ANSWER_S, "the limit for the first byte")
        if any(not call.left_early for call in scene.primary):
            yield "The connection to the silent upstream was not closed."


class LateFirstToken(Scenario):
    name = "S07"
    title = "First token after 20 s"
    means = "The time limit for the first token ends the wait, the fallback answers, and the client is kept alive."

    def cast(self, take: Take, pace: float) -> Cast:
        limit_s = limit(FIRST_TOKEN_S, pace)
        late = Step(fault="hang_first_token", seconds=beyond(LATE_S, limit_s, pace), pieces=PIECES)
        return Cast(Part(then=late, limits=Limits(first_token_timeout_s=limit_s)))

    def complaints(self, scene: Scene) -> Iterator[str]:
        yield from by_fallback(scene)
        yield from within(scene.last, limit(FIRST_TOKEN_S, scene.pace) + ANSWER_S, "the limit for the first token")
        if scene.last.longest_silence_s > scene.bearable_s + PUNCTUAL_S:
            heard_nothing = f"The client heard nothing for {scene.last.longest_silence_s:.1f} s"
            yield f"{heard_nothing}; the installation promises a sign of life after {scene.bearable_s:g} s."
