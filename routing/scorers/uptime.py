"""How often did it answer lately?"""

from routing.scorers.base import Facts, Field, Scorer


class Uptime(Scorer):
    """The recent share of attempts that succeeded."""

    name = "uptime"

    def score(self, facts: Facts, field: Field) -> float:
        return facts.uptime
