"""What did routing save? Each request's cost against what another choice among its own candidates would have cost.

A decision record holds the cost that was expected of every candidate when the choice was made, for the same request.
The baseline of a request is what it cost, times the baseline's expected cost over that of the deployment that served:
so an answer that was longer than expected is longer in both. Where that ratio says nothing (what served was free, or
several attempts make up the cost) it is the baseline's expected cost itself. Nothing is priced again.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from dashboard.decisions import Candidate, decoder
from dashboard.scope import Scope
from usage.selectors import Chosen, Entities, TimeRange, choices

MOST: Final = 5000  # records that a page reads
ASKED, DEAREST = "asked", "dearest"
MOST_MODELS: Final = 8  # offered as baselines

Why = Literal["no price", "no decision", "no expected cost of what served", "not a candidate"]
REASONS: Final[Mapping[Why, str]] = {
    "no price": "what they cost is unknown, for want of a price",
    "no decision": "their record holds no decision",
    "no expected cost of what served": "no cost was expected of what served them",
    "not a candidate": "the baseline was not among their candidates, or had no expected cost",
}


class Compared(Struct, frozen=True):
    """One request with both of its costs, in nano-dollars."""

    request: Chosen
    baseline: int

    @property
    def actual(self) -> int:
        return self.request.cost_nano_usd or 0

    @property
    def saved(self) -> int:
        """Less than nothing where the baseline would have been cheaper."""
        return self.baseline - self.actual


class Savings(Struct, frozen=True):
    """`read` requests were looked at: those compared, the newest first, and why the others could not be."""

    read: int
    compared: tuple[Compared, ...]
    left_out: Mapping[Why, int]
    models: tuple[str, ...]  # that occur among the candidates, the most frequent first
    oldest: datetime | None = None  # when the oldest that was read came; None: there was none

    @property
    def baseline(self) -> int:
        return sum(one.baseline for one in self.compared)

    @property
    def actual(self) -> int:
        return sum(one.actual for one in self.compared)

    @property
    def saved(self) -> int:
        return self.baseline - self.actual


def baseline_of(scope: Scope) -> str:
    """The `baseline` of the address: `asked`, `dearest`, or the name of a model."""
    return scope.word("baseline") or DEAREST


def savings_of(scope: Scope) -> Savings:
    """Of this page's range, filters and baseline."""
    return scope.ask(savings, scope.period.span, scope.entities, baseline_of(scope))


def savings(period: TimeRange, entities: Entities, baseline: str, most: int | None = None) -> Savings:
    """Compare the newest answered requests of a range, `most` of them (`MOST`) at most."""
    found = choices(period, entities, most or MOST)
    compared: list[Compared] = []
    left_out: Counter[Why] = Counter()
    models: Counter[str] = Counter()
    for request in found:
        decision = decoder.decode(request.decision) if request.decision else None
        candidates = decision.candidates if decision else ()
        models.update({_model(each) for each in candidates})
        outcome = _compare(request, candidates, baseline)
        if isinstance(outcome, Compared):
            compared.append(outcome)
        else:
            left_out[outcome] += 1
    names = sorted(models, key=lambda name: (-models[name], name))
    oldest = found[-1].started_at if found else None
    return Savings(len(found), tuple(compared), dict(left_out), tuple(names[:MOST_MODELS]), oldest)


def _compare(request: Chosen, candidates: Sequence[Candidate], baseline: str) -> Compared | Why:
    if request.cost_nano_usd is None:
        return "no price"
    if not candidates:
        return "no decision"
    fits = _fitting(request, baseline)
    costs = [each.expected_cost_nano_usd for each in candidates if fits(each)]
    known = [cost for cost in costs if cost is not None]
    if not known:
        return "not a candidate"
    expected = next((each.expected_cost_nano_usd for each in candidates if each.deployment == request.served), None)
    if expected is None:
        return "no expected cost of what served"
    if not expected or request.attempts_count != 1:
        return Compared(request, max(known))
    return Compared(request, round(request.cost_nano_usd * max(known) / expected))


def _fitting(request: Chosen, baseline: str) -> Callable[[Candidate], bool]:
    """Which candidates the baseline is one of; the dearest of them counts."""
    if baseline == DEAREST:
        return lambda candidate: True
    name = request.asked_model if baseline == ASKED else baseline
    return lambda candidate: name in (candidate.deployment, _model(candidate))


def _model(candidate: Candidate) -> str:
    return candidate.deployment.partition("/")[2]


class Part(Struct, frozen=True):
    """A bar between the baseline and what was paid: from `x`, so wide, both shares of the greatest."""

    label: str
    amount: int  # nano-dollars; what was saved is negative
    x: float
    width: float
    fill: str
    requests: int


def parts(found: Savings) -> tuple[Part, ...]:
    """From the baseline, by what each kind of choice took off or put on, to what was paid."""
    free = [one for one in found.compared if one.saved > 0 and not one.actual]
    cheaper = [one for one in found.compared if one.saved > 0 and one.actual]
    dearer = [one for one in found.compared if one.saved < 0]
    steps = [
        ("A cheaper one served", cheaper, "fok"),
        ("A free one served", free, "fok"),
        ("A dearer one served", dearer, "fbad"),
    ]
    whole = found.baseline + sum(-one.saved for one in dearer) or 1
    drawn, at = (
        [Part("Baseline", found.baseline, 0.0, found.baseline / whole, "f6", len(found.compared))],
        found.baseline,
    )
    for label, ones, fill in steps:
        change = -sum(one.saved for one in ones)
        drawn.append(Part(label, change, min(at, at + change) / whole, abs(change) / whole, fill, len(ones)))
        at += change
    return (*drawn, Part("Paid", found.actual, 0.0, found.actual / whole, "f0", len(found.compared)))
