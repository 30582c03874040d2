"""The candidate with the best weighted score comes first."""

from collections.abc import Sequence

from routing.policies.base import Candidate, PolicyKind, PolicySpec, by_score


class Weighted(PolicyKind):
    """By the weighted mean of cost, latency, uptime and quality."""

    name = "weighted"
    label = "Weighted scores"

    def order(self, candidates: Sequence[Candidate], policy: PolicySpec) -> list[Candidate]:
        return by_score(candidates)
