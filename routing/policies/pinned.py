"""Only the listed deployments answer, in their order; nothing else is ever tried."""

from collections.abc import Sequence

from routing.policies.base import Candidate, PolicyKind, PolicySpec, listed_first


class Pinned(PolicyKind):
    """As listed, and nothing else."""

    name = "pinned"
    label = "Only the listed ones"

    def order(self, candidates: Sequence[Candidate], policy: PolicySpec) -> list[Candidate]:
        return listed_first(candidates, policy.order)[0]
