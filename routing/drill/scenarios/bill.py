"""What does an answer of the fallback say of its model, its tokens and its cost?"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from providers.sandbox.steps import Step
from routing.drill.casting import FALLBACK_USD, JSON, PIECES, STREAM, Cast, Part, Take
from routing.drill.judging import by_fallback
from routing.drill.scenario import FALLBACK, Scenario, Scene

TOKENS: Final = {"prompt": 21, "completion": 60}
COST_USD: Final = (TOKENS["prompt"] * FALLBACK_USD[0] + TOKENS["completion"] * FALLBACK_USD[1]) / Decimal(1_000_000)


class FallbackBilled(Scenario):
    name = "S16"
    title = "The fallback answered"
    means = "Its model, usage and cost are reported; the failed attempt is recorded and not billed."
    takes = (STREAM, JSON)

    def cast(self, take: Take, pace: float) -> Cast:
        return Cast(Part(then=Step(fault="503")), Part(then=Step(pieces=PIECES, usage=TOKENS)))

    def complaints(self, scene: Scene) -> Iterator[str]:
        yield from by_fallback(scene)
        yield from _told_to_the_client(scene)
        if scene.stories:
            yield from _recorded(scene)


def _told_to_the_client(scene: Scene) -> Iterator[str]:
    heard = scene.last
    provider = heard.headers.get("x-neuroroute-provider", "")
    if not provider.endswith(FALLBACK):
        yield f"The client was told that {provider or 'nobody'} answered."
    usage = heard.usage or {}
    told = (usage.get("prompt_tokens"), usage.get("completion_tokens"))
    if told != (TOKENS["prompt"], TOKENS["completion"]):
        yield f"The client was told {told[0]} and {told[1]} tokens, not the fallback's."


def _recorded(scene: Scene) -> Iterator[str]:
    story = scene.story
    usd = story["cost"]["usd"]
    if usd is None or Decimal(usd) != COST_USD:
        yield f"The record says {usd} USD, not the fallback's {COST_USD}."
    failed = [attempt for attempt in story["attempts"] if attempt["status"] == "failed"]
    if not failed:
        yield "The failed attempt was not recorded."
    if any(attempt["cost_usd"] is not None for attempt in failed):
        yield "The failed attempt was billed although the provider billed nothing."
