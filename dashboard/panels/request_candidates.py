"""Which deployments could have answered, how did each score, and why were the others ruled out?"""

from msgspec import Struct

from dashboard.decisions import Candidate, Decision, Excluded, decision_of
from dashboard.panels.base import RequestPanel
from dashboard.scope import Scope
from usage.outcomes import Outcome


class Part(Struct, frozen=True):
    """One scorer's 0..1, or None where the record has none, and what it adds to the score."""

    scorer: str
    value: float | None
    share: float

    @property
    def adds(self) -> float | None:
        return None if self.value is None else self.value * self.share


class Row(Struct, frozen=True):
    candidate: Candidate
    parts: tuple[Part, ...]
    served: bool
    tried: bool


class Candidates(Struct, frozen=True):
    decision: Decision | None
    shares: tuple[tuple[str, float], ...]
    rows: tuple[Row, ...]
    excluded: tuple[Excluded, ...]

    @property
    def excluded_count(self) -> int:
        return len(self.excluded) + (self.decision.more_excluded if self.decision else 0)


class RequestCandidates(RequestPanel):
    """Candidates with their score parts as bars, then those ruled out with the rule and its two numbers."""

    name = "request_candidates"
    title = "Why this model?"
    order = 20
    formula = (
        "Each scorer gives 0 to 1 from what was known when the request came. A part times the share of its "
        "weight, summed, is the score. What a rule excluded was not scored."
    )

    def about(self, record: Outcome, scope: Scope) -> Candidates:
        decision = decision_of(record)
        if decision is None:
            return Candidates(None, (), (), ())
        shares = decision.shares
        served = (
            f"{record.provider}/{record.model}" if record.status in ("answered", "interrupted", "cancelled") else ""
        )
        tried = {attempt.deployment for attempt in record.attempts}
        rows = [_row(candidate, shares, served, tried) for candidate in decision.candidates]
        rows.sort(key=lambda row: (row.candidate.rank is None, row.candidate.rank, -(row.candidate.score or 0)))
        return Candidates(decision, tuple(shares.items()), tuple(rows), decision.excluded)


def _row(candidate: Candidate, shares: dict[str, float], served: str, tried: set[str]) -> Row:
    parts = tuple(Part(scorer, candidate.parts.get(scorer), share) for scorer, share in shares.items())
    return Row(candidate, parts, candidate.deployment == served, candidate.deployment in tried)
