"""Which deployments could have answered, how did each score, and why were the others ruled out?"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from dashboard.decisions import Candidate, Decision, Excluded, decision_of
from dashboard.panels.base import RequestPanel
from dashboard.scope import Scope
from dashboard.sentences import TOLD
from feedback.intervals import Estimate
from feedback.selectors import opinions
from usage.outcomes import Load, Outcome


class Part(Struct, frozen=True):
    """One scorer's 0..1, or None where the record has none, and what it adds to the score."""

    scorer: str
    value: float | None
    share: float

    @property
    def adds(self) -> float | None:
        return None if self.value is None else self.value * self.share


class Row(Struct, frozen=True):
    """`speed_age_ms` is the age of the figures of speed when the request came, `loaded_age_ms` that of the look at its
    memory. `load` is what ran at it then; None: not recorded, or not for who looks. `outcome` is what became of it."""

    candidate: Candidate
    parts: tuple[Part, ...]
    outcome: str
    speed_age_ms: float | None
    loaded_age_ms: float | None
    load: Load | None
    rated: Estimate | None


class Candidates(Struct, frozen=True):
    decision: Decision | None
    shares: tuple[tuple[str, float], ...]
    rows: tuple[Row, ...]
    excluded: tuple[Excluded, ...]
    plan_age_ms: float | None = None  # how long before the request the figures were taken
    asked_later: frozenset[str] = frozenset()  # ruled out when the request came, and asked once that was over

    @property
    def sizes(self) -> tuple[object, object] | None:
        """Up to how many tokens in and out requests of the class have, by our estimate; None: not recorded."""
        found = self.decision.asked_class if self.decision else {}
        both = found.get("prompt_tokens"), found.get("output_tokens")
        return None if None in both else both

    @property
    def excluded_count(self) -> int:
        return len(self.excluded) + (self.decision.more_excluded if self.decision else 0)


class RequestCandidates(RequestPanel):
    """Candidates with their score parts as bars, then those ruled out with the rule and its two numbers."""

    name = "request_candidates"
    title = "Why this model?"
    unit = "as it stood then"
    order = 20
    formula = (
        "Each scorer gives 0 to 1 from what was known when the request came. A part times the share of its "
        "weight, summed, is the score. What a rule excluded was not scored. Expected cost is that of the request's "
        "class, whose sizes are rounded up to powers of two so that requests can share a plan, for an answer of the "
        "length that such requests have; the range is for half of it and for the longest. What this request alone was "
        "expected to cost stands under “What did it cost?”. Policies order without "
        "chance, so the first has the probability 1. Quality is the figure that the catalogue was given for this kind "
        "of task; it has no interval, as nothing was measured for it. Below it is what people and applications of your "
        "tenants said of the deployment's answers in the 30 days before the request, bad 0 to good 1, of the newest "
        "500 ratings, with Wilson's interval of 95 %; it is no part of the score. Running are the requests of all "
        "tenants that the worker which decided had at a deployment when this one came, and waiting those of them "
        "without a first token; what other workers had there, and an upstream's own queue, is not known then. In "
        "memory is what the last look at its local server saw, once a minute; it is no part of the score."
    )

    def about(self, record: Outcome, scope: Scope) -> Candidates:
        decision = decision_of(record)
        if decision is None:
            return Candidates(None, (), (), ())
        shares = decision.shares
        served = f"{record.provider}/{record.model}" if record.status in TOLD else ""
        tried = {each.deployment: "failed" if each.error else "given up" for each in record.attempts}
        age_ms = None if decision.planned_us is None else max(record.started_us - decision.planned_us, 0) / 1000
        busy = decision.busy if scope.sight is None else None  # these are requests of all tenants
        came = datetime.fromtimestamp(record.started_us / 1e6, UTC)
        rated = opinions(came, scope.sight)
        ordered = sorted(decision.candidates, key=lambda one: (one.rank is None, one.rank, -(one.score or 0)))
        ends = _outcomes([one.deployment for one in ordered], served, tried)
        rows = [_row(one, shares, end, age_ms, busy, rated) for one, end in zip(ordered, ends, strict=True)]
        later = frozenset(out.deployment for out in decision.excluded if out.deployment in tried)
        return Candidates(decision, tuple(shares.items()), tuple(rows), decision.excluded, age_ms, later)


def _outcomes(names: Sequence[str], served: str, tried: Mapping[str, str]) -> list[str]:
    """What became of each candidate, in the order of the plan. Who stands before one that was asked and was not asked
    itself was passed over: a budget, a breaker or a limit kept the request from it."""
    asked = [place for place, name in enumerate(names) if name == served or name in tried]
    last, rest = max(asked, default=-1), "not needed" if served else "not asked"
    return [
        "chosen" if name == served else tried.get(name, "passed over" if place < last else rest)
        for place, name in enumerate(names)
    ]


def _row(
    candidate: Candidate,
    shares: dict[str, float],
    outcome: str,
    plan_age_ms: float | None,
    busy: Mapping[str, Load] | None,
    rated: Mapping[str, Estimate],
) -> Row:
    name = candidate.deployment
    return Row(
        candidate,
        tuple(Part(scorer, candidate.parts.get(scorer), share) for scorer, share in shares.items()),
        outcome,
        _age_ms(candidate.speed_age_s, plan_age_ms),
        _age_ms(candidate.loaded_age_s, plan_age_ms),
        None if busy is None else busy.get(name, Load()),
        rated.get(name),
    )


def _age_ms(age_s: float | None, plan_age_ms: float | None) -> float | None:
    """How old a figure was when the request came, of its age when the plan was made."""
    return None if age_s is None or plan_age_ms is None else age_s * 1000 + plan_age_ms
