"""What when an upstream refuses the request itself, or the beginning of an answer?"""

from collections.abc import Iterator

from providers.sandbox.steps import Step
from routing.drill.casting import JSON, PIECES, RECOVERY, STREAM, Cast, Part, Take
from routing.drill.judging import by_fallback, openly_cut, recorded
from routing.drill.scenario import Scenario, Scene

SMALL = 4_000  # tokens of context, as the catalogue has it; the upstream then refuses all the same
AT_THE_END = Take("at-the-end")


class ContextTooLong(Scenario):
    name = "S12"
    title = "400 context_length_exceeded"
    means = "A deployment with a larger context answers."
    takes = (STREAM, JSON)

    def cast(self, take: Take, pace: float) -> Cast:
        return Cast(Part(then=Step(fault="context_length"), context=SMALL))

    def complaints(self, scene: Scene) -> Iterator[str]:
        yield from by_fallback(scene)


class ContentFilter(Scenario):
    name = "S13"
    title = "Content filter"
    means = "The refusal reaches the client; it is not retried and not sent elsewhere."
    takes = (STREAM, JSON, AT_THE_END)

    def cast(self, take: Take, pace: float) -> Cast:
        fault = "content_filter_finish" if take == AT_THE_END else "content_filter"
        return Cast(Part(then=Step(fault=fault, pieces=PIECES)))

    def complaints(self, scene: Scene) -> Iterator[str]:
        heard = scene.last
        if scene.take == AT_THE_END:
            if heard.finish != "content_filter" or not heard.done:
                yield f"The finish reason that the client got is {heard.finish}, not content_filter."
        elif heard.status != 400 or heard.error is None:
            yield f"The client got {heard.status} instead of the refusal."
        if scene.fallback or len(scene.primary) > 1:
            yield "An upstream was asked again: a refusal is no reason for that."
        yield from recorded(scene)


class PrefillRejected(Scenario):
    name = "S14"
    title = "The fallback rejects an assistant prefill"
    means = "The recovery of a cut stream starts anew: the answer is complete, not duplicated, and marked."
    takes = (RECOVERY,)

    def cast(self, take: Take, pace: float) -> Cast:
        cut = Step(fault="cut_mid", pieces=PIECES, after=40)
        return Cast(Part(then=cut), Part(then=Step(fault="no_prefill", pieces=PIECES), continues=True))

    def complaints(self, scene: Scene) -> Iterator[str]:
        yield from openly_cut(scene)
        if not any(call.status == 400 for call in scene.fallback):
            yield "The fallback was not asked to go on with the beginning of the answer."
