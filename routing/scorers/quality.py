"""How good are its answers to this kind of task?"""

from typing import Final

from routing.scorers.base import Facts, Field, Scorer

UNKNOWN: Final = 0.3  # below what anyone would vouch for


class Quality(Scorer):
    """The catalogue's prior for the category, else for the model; 0.3 where nobody vouches for it."""

    name = "quality"

    def score(self, facts: Facts, field: Field) -> float:
        return UNKNOWN if facts.quality is None else facts.quality
