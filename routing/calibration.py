"""How do our estimates of prompts become a model's own counts? One factor per model, learned from what is reported.

The estimate before a call comes from characters alone (`routing/features/prompt_tokens.py`) and is the same for every
model; each model's tokenizer and template make something else of it (docs/token-estimates.md).
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from providers.catalog import Catalog
from providers.targets import Target
from routing.features.prompt_tokens import TOKENS_PER_IMAGE

UNKNOWN: Final = 1.0  # the factor of a model that nothing was learned of


class Calibrations(Struct, frozen=True):
    """Factors by model id; `largest` of all models, those included of which nothing was learned."""

    by_model: Mapping[int, float] = {}
    largest: float = UNKNOWN

    def of(self, target: Target) -> float:
        """Tokens that the target reports for each that we estimate."""
        return self.by_model.get(target.model_id, UNKNOWN)

    def of_name(self, name: str, catalog: Catalog, auto: bool) -> float:
        """The factor to reckon with before anybody is chosen: the named model's, or the largest where any may be."""
        if not self.by_model:
            return UNKNOWN
        if auto:
            return self.largest
        targets: Sequence[Target] = catalog.by_model.get(name, ())
        target = targets[0] if targets else catalog.by_name.get(name)
        return self.of(target) if target else UNKNOWN


def calibrations_of(factors: Mapping[int, float]) -> Calibrations:
    """`factors` by model id, with the largest."""
    return Calibrations(factors, max(UNKNOWN, *factors.values()) if factors else UNKNOWN)


def calibrated(tokens: int, images: int, factor: float) -> int:
    """An estimate as a model with this factor counts; images cost what they cost, whatever becomes of texts."""
    if factor == UNKNOWN:
        return tokens
    flat = TOKENS_PER_IMAGE * images
    return round((tokens - flat) * factor) + flat
