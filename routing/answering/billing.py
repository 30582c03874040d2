"""What did an attempt use up, what did it cost, and what will a request cost? Pure: tokens and prices in, money out."""

from typing import Final

import msgspec

from providers.chat import TokenUsage
from providers.requests import Request
from providers.targets import Price, Target
from usage.outcomes import AttemptOutcome, Outcome

SHORTEST_SHARE: Final = 0.5  # an answer may be half as long as expected, or twice: the range of the forecast
_names: Final = msgspec.json.Decoder(list[str]).decode


def bill(outcome: AttemptOutcome, usage: TokenUsage, price: Price | None, images: int) -> None:
    """Note its tokens and its cost, unknown without a price. `images` of the prompt are billed where a price says so:
    no upstream reports how many it was sent."""
    outcome.prompt_tokens, outcome.completion_tokens = usage.prompt, usage.completion
    outcome.cached_tokens, outcome.reasoning_tokens = usage.cached, usage.reasoning
    outcome.cache_write_tokens = usage.cache_write or None
    outcome.cache_write_1h_tokens = usage.cache_write_1h or None
    outcome.audio_input_tokens = usage.audio_input or None
    outcome.audio_output_tokens = usage.audio_output or None
    outcome.estimated = usage.estimated
    if price is None:
        return
    if price.image:
        outcome.images = images
        usage = msgspec.structs.replace(usage, images=images)
    outcome.cost_nano_usd = price.cost_nano_usd(usage)


def price_of(target: Target, served: str | None, request: Request) -> Price | None:
    """What the tokens of an attempt cost; unknown where a router went on to a fallback that only it knows, which the
    model that it says it `served` tells."""
    fallbacks = (request.passed_on or {}).get("models")
    if fallbacks is None or served is None or served.startswith(target.upstream_model):
        return target.price
    return None if any(served.startswith(name) for name in _names(fallbacks)) else target.price


def total(outcome: Outcome) -> int | None:
    """Nano-dollars of all its attempts that were billed; one unknown price makes the sum unknown."""
    billed = [attempt.cost_nano_usd for attempt in outcome.attempts if attempt.prompt_tokens is not None]
    known = [cost for cost in billed if cost is not None]
    if len(known) < len(billed) or (not billed and outcome.status == "answered"):
        return None
    return sum(known)


def forecast(price: Price, prompt: int, expected: int, longest: int) -> tuple[int, int]:
    """Least and most nano-dollars, by the tokens of the prompt and of the answer that is expected."""
    shortest = max(int(min(expected, longest) * SHORTEST_SHARE), 1 if expected else 0)
    return price.cost_nano_usd(TokenUsage(prompt, shortest)), price.cost_nano_usd(TokenUsage(prompt, longest))
