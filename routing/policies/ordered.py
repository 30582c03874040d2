"""The listed deployments come first, in their order; then the rest by score."""

from collections.abc import Sequence

from routing.policies.base import Candidate, PolicyKind, PolicySpec, by_score, listed_first


class Ordered(PolicyKind):
    """As listed, then the rest."""

    name = "ordered"
    label = "As listed, then the rest"

    def order(self, candidates: Sequence[Candidate], policy: PolicySpec) -> list[Candidate]:
        listed, rest = listed_first(candidates, policy.order)
        return listed + by_score(rest)
