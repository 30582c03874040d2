"""How soon is the whole answer there, beside the fastest that could answer?"""

from typing import Final

from routing.scorers.base import Facts, Field, Scorer, closeness

WORST_RATIO: Final = 20.0
UNKNOWN: Final = 0.5  # neither rewarded nor shut out: it gets its chance to be measured


class Latency(Scorer):
    """1 for the fastest, 0 at twenty times its expected duration; 0.5 where nothing is known."""

    name = "latency"

    def score(self, facts: Facts, field: Field) -> float:
        if facts.duration_ms is None or field.fastest_ms is None:
            return UNKNOWN
        return closeness(facts.duration_ms, max(field.fastest_ms, 1.0), WORST_RATIO)
