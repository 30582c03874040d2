"""How many requests has this worker at each deployment? Counted as attempts begin, speak and end."""

from routing.answering.tries import Try
from routing.decisions import LISTED
from routing.planner import Plan
from usage.outcomes import Load


class Loads:
    """By deployment id; who has none is not kept. Belongs to the event loop."""

    __slots__ = ("_loads",)

    def __init__(self) -> None:
        self._loads: dict[int, Load] = {}

    def begins(self, deployment_id: int) -> None:
        """An attempt is about to be made."""
        load = self._loads.get(deployment_id)
        if load is None:
            load = self._loads[deployment_id] = Load()
        load.running += 1
        load.waiting += 1

    def speaks(self, attempt: Try) -> None:
        """Its first content has come."""
        self._loads[attempt.target.id].waiting -= 1

    def ends(self, attempt: Try) -> None:
        """It is over, whether it spoke or not."""
        load = self._loads[attempt.target.id]
        load.running -= 1
        if not attempt.committed:
            load.waiting -= 1
        if not load.running:
            del self._loads[attempt.target.id]

    def at(self, plan: Plan) -> dict[str, Load]:
        """What runs now at each candidate of a plan, by its name; who is idle is left out."""
        loads = self._loads
        if not loads:
            return {}
        listed = plan.candidates[:LISTED]
        return {c.name: Load(load.running, load.waiting) for c in listed if (load := loads.get(c.facts.target.id))}
