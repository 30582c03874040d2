"""How is a decision record read? From JSON to candidates with their scores, and the rules that excluded others."""

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct, field

from usage.outcomes import Load, Outcome


class Candidate(Struct, frozen=True):
    """One deployment that could have answered, as it stood when the choice was made; None: not recorded, or unknown."""

    deployment: str
    score: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    propensity: float | None = None  # the probability of being asked first
    state: str | None = None  # of its breaker, or its provider's: closed, half_open, open
    failures: int = 0  # in a row
    kept_back: float = 0.0  # the share of calls that its provider was spared
    expected_cost_nano_usd: int | None = None
    cost_range_nano_usd: tuple[int, int] | None = None
    ttft_ms: float | None = None
    speed_from: str | None = None  # measured, profile, catalogue
    speed_age_s: float | None = None  # of that figure, when the plan was made
    loaded: bool | None = None  # in the memory of its local server; None: not known
    loaded_age_s: float | None = None  # of that, when the plan was made
    quality: float | None = None
    uptime: float | None = None
    rank: int | None = None


class Excluded(Struct, frozen=True):
    """One deployment that could not answer; `detail` holds the two numbers, e.g. `context 8,192 < 11,400 needed`."""

    deployment: str
    rule: str = ""
    detail: str = ""


class Outside(Struct, frozen=True):
    """A policy that the decision was led to and that is outside the key's scope."""

    policy: str
    led_to_by: str = ""  # budget, or the client's task


class Decision(Struct, frozen=True):
    """What the planner weighed."""

    policy: str | None = None
    instead_of: str | None = None  # the policy that sent a chore here
    policies_outside: tuple[Outside, ...] = ()
    planned_us: int | None = None  # when the figures were taken; requests of one class share them for a while
    asked_class: Mapping[str, object] = field(default_factory=dict, name="class")  # what requests of one plan share
    wishes: Mapping[str, object] = field(default_factory=dict)
    kind: str | None = None
    version: int | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    candidates: tuple[Candidate, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    busy: Mapping[str, Load] | None = None  # who had requests of this worker then; None: not recorded
    more_candidates: int = 0  # counted, not listed
    more_excluded: int = 0

    @property
    def shares(self) -> dict[str, float]:
        """Each scorer's weight as a share of all weights, the heaviest first; without weight, without a place."""
        total = sum(self.weights.values())
        heavy = sorted(self.weights.items(), key=lambda item: -item[1])
        return {name: weight / total for name, weight in heavy if weight} if total else {}


decoder = msgspec.json.Decoder(Decision | None)


def decision_of(record: Outcome) -> Decision | None:
    """The decision of a request, None where none was reached (refused before planning)."""
    return decoder.decode(record.decision) if record.decision else None


def features_of(record: Outcome) -> dict[str, object]:
    """Everything that was found in the request, in the order in which it was written."""
    found = msgspec.json.decode(record.features, type=dict[str, object] | None) if record.features else None
    return found or {}


def pretty(raw: object) -> str:
    """Indented JSON of a record or a part of it."""
    text = raw if isinstance(raw, Raw) else msgspec.json.encode(raw)
    return msgspec.json.format(bytes(text), indent=2).decode()
