"""What a kind of policy is: a pure order of candidates."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct

from routing.scorers.base import Facts


class PolicySpec(Struct, frozen=True):
    """A policy as its operator set it: `weights` by scorer name, `order` of deployment names.

    `client_tasks` names the policy that front ends' chores go to, by task or "*"; `instead_of` is the policy that sent
    a chore here. `recovery` and `hedging` are what streams may do after a cut, and before a late first token.
    """

    name: str
    kind: str
    weights: tuple[tuple[str, float], ...] = ()
    order: tuple[str, ...] = ()
    version: int = 1
    client_tasks: tuple[tuple[str, str], ...] = ()
    instead_of: str | None = None
    recovery: bool = False
    hedging: bool = False


class Candidate(Struct, frozen=True):
    """An eligible deployment with its facts, each scorer's part, and the weighted total, 0..1."""

    facts: Facts
    parts: tuple[tuple[str, float], ...]
    score: float

    @property
    def name(self) -> str:
        return self.facts.target.name


class PolicyKind(ABC):
    """One way of ordering candidates."""

    name: ClassVar[str]
    label: ClassVar[str]

    @abstractmethod
    def order(self, candidates: Sequence[Candidate], policy: PolicySpec) -> list[Candidate]:
        """The candidates to try, best first; one that is left out is never tried."""


def by_score(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Best first; equal scores by name, so that the order is the same everywhere."""
    return sorted(candidates, key=lambda c: (-c.score, c.name))


def listed_first(candidates: Sequence[Candidate], order: Sequence[str]) -> tuple[list[Candidate], list[Candidate]]:
    """Those that `order` names by provider/model, provider or model, in its order; and the rest."""
    ranks: dict[str, int] = {}
    for candidate in candidates:
        target = candidate.facts.target
        names = (target.name, target.provider, target.model)
        rank = next((i for i, name in enumerate(order) if name in names), None)
        if rank is not None:
            ranks[candidate.name] = rank
    listed = sorted((c for c in candidates if c.name in ranks), key=lambda c: (ranks[c.name], -c.score, c.name))
    return listed, [c for c in candidates if c.name not in ranks]
