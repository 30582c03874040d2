"""How cheap is it, beside the cheapest that could answer?"""

from typing import Final

from routing.scorers.base import Facts, Field, Scorer, closeness

FLOOR_NANO_USD: Final = 1_000  # below a millionth of a dollar nobody cares; keeps free models from making all others 0
WORST_RATIO: Final = 100.0


class Cost(Scorer):
    """1 for the cheapest, 0.5 at ten times its cost, 0 at a hundred times; unknown scores 0: it is not cheap."""

    name = "cost"

    def score(self, facts: Facts, field: Field) -> float:
        if facts.cost_nano_usd is None or field.cheapest_nano_usd is None:
            return 0.0
        best = max(field.cheapest_nano_usd, FLOOR_NANO_USD)
        return closeness(max(facts.cost_nano_usd, FLOOR_NANO_USD), best, WORST_RATIO)
