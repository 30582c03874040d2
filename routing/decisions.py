"""What does a decision record say? The policy, the class of the request, every candidate or the rule against it."""

from collections import Counter
from time import time_ns
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from providers.targets import Target
from routing.asked import RequestClass, Wishes
from routing.candidates import RIGHTS, Excluded, without_rights
from routing.policies.base import Candidate, PolicySpec
from routing.resilience import Health
from routing.ruling import Ruling

ALL_TOLD: Final = b'"not_admitted":0,"policies_outside":[]'  # a record with nothing but for its caller
BUSY: Final = b'"busy":'  # what ran at the candidates: requests of every tenant
LISTED: Final = 25  # candidates and exclusions that a decision record lists; the rest is counted


class Standings(Struct, frozen=True):
    """How well deployments were at `now` (time.monotonic() seconds)."""

    health: Health
    now: float

    def of(self, target: Target) -> dict[str, Any]:
        """The state of its breaker or its provider's, whichever is worse; failures in a row; calls kept back, 0..1."""
        keys = (("deployment", target.id), ("provider", target.provider_id))
        states = [each.state(self.now) for key in keys if (each := self.health.ejected.get(key))]
        found: dict[str, Any] = {"state": "open" if "open" in states else states[0] if states else "closed"}
        if failures := self.health.failures(target):
            found["failures"] = failures
        if kept_back := self.health.kept_back(target, self.now):
            found["kept_back"] = round(kept_back, 4)
        return found


def decision_record(
    ruled: Ruling,
    request: RequestClass,
    wishes: Wishes,
    ordered: list[Candidate],
    excluded: list[Excluded],
    standings: Standings,
) -> Raw:
    """The decision as JSON; made once per plan, and so `planned_us` may lie before the request.

    What the caller may not hear of comes last among the excluded, and `told` leaves it out.
    """
    policy, heard = ruled.policy, without_rights(excluded)
    listed = [*heard, *(each for each in excluded if each.rule in RIGHTS)][:LISTED]
    return Raw(
        msgspec.json.encode(
            {
                "policy": policy.name,
                "kind": policy.kind,
                "version": policy.version,
                "instead_of": policy.instead_of,
                "not_admitted": len(excluded) - len(heard),
                "policies_outside": ruled.outside,
                "planned_us": time_ns() // 1000,
                "weights": dict(policy.weights),
                "order": policy.order,
                "class": request,
                "wishes": _wished(wishes),
                "candidates": [_shown(rank, c, standings) for rank, c in enumerate(ordered[:LISTED], 1)],
                "excluded": listed,
                "dearest_unlisted": _dearest(ordered[LISTED:]),
                "more_candidates": max(len(ordered) - LISTED, 0),
                "more_excluded": max(len(excluded) - LISTED, 0),
            }
        )
    )


def told(decision: Raw | None) -> Raw | dict[str, Any] | None:
    """A decision as its caller reads it: without what its tenant or key may not use, and without how much that is."""
    decision = of_ones_own(decision)
    if decision is None or ALL_TOLD in bytes(decision):
        return decision
    found: dict[str, Any] = msgspec.json.decode(decision)
    kept = [each for each in found["excluded"] if each["rule"] not in RIGHTS]
    listed = len(found["excluded"]) - len(kept)
    found["more_excluded"] -= found.get("not_admitted", listed) - listed
    return found | {"excluded": kept, "not_admitted": 0, "policies_outside": []}


def of_ones_own(decision: Raw | None) -> Raw | None:
    """The record as who may not know of other tenants' requests reads it: without what ran then."""
    if decision is None or BUSY not in bytes(decision):
        return decision
    told = msgspec.json.decode(decision, type=dict[str, Raw])
    told.pop("busy", None)
    return Raw(msgspec.json.encode(told))


def _dearest(candidates: list[Candidate]) -> str | None:
    """Of those that are only counted: savings are compared with the dearest of all."""
    priced = [each for each in candidates if each.facts.cost_nano_usd is not None]
    return max(priced, key=lambda each: each.facts.cost_nano_usd or 0).name if priced else None


def _wished(wishes: Wishes) -> dict[str, Any]:
    """What the caller wished for and had a say in the decision."""
    options = wishes.options
    found: dict[str, Any] = {"models": wishes.models, "provider": wishes.provider, "preferences": wishes.preferences}
    found |= {"policy": options.policy, "quality": options.quality, "max_cost_usd": options.max_cost_usd}
    return {name: value for name, value in found.items() if value}


def _shown(rank: int, candidate: Candidate, standings: Standings) -> dict[str, Any]:
    """Every kind of policy orders without chance: who stands first is asked first, always."""
    facts = candidate.facts
    return standings.of(facts.target) | {
        "rank": rank,
        "deployment": candidate.name,
        "score": candidate.score,
        "parts": dict(candidate.parts),
        "propensity": 1.0 if rank == 1 else 0.0,
        "expected_cost_nano_usd": facts.cost_nano_usd,
        "cost_range_nano_usd": facts.cost_range_nano_usd,
        "ttft_ms": facts.ttft_ms,
        "speed_from": facts.speed_from,
        "speed_age_s": facts.speed_age_s,
        "loaded": facts.loaded,
        "loaded_age_s": facts.loaded_age_s,
        "duration_ms": facts.duration_ms,
        "quality": facts.quality,
        "uptime": round(facts.uptime, 4),
        "calibration": round(facts.calibration, 4),
    }


def why(ordered: list[Candidate], policy: PolicySpec, wishes: Wishes, excluded: list[Excluded]) -> str:
    """One short sentence about the first choice."""
    said = _first_reason(ordered, policy, wishes, excluded)
    return f"{said}; {policy.name} in place of {policy.instead_of}" if policy.instead_of else said


def why_nobody(excluded: list[Excluded]) -> str:
    """One short sentence about a plan without candidates: how many each rule ruled out, of those that the caller may
    call."""
    if not excluded:
        return "no deployment is enabled"
    heard = without_rights(excluded)
    if not heard:
        return "nobody whom this key may call was meant"
    rules = ", ".join(f"{rule} {count}" for rule, count in Counter(e.rule for e in heard).most_common())
    return f"nobody of {len(heard)} is eligible: {rules}"


def _first_reason(ordered: list[Candidate], policy: PolicySpec, wishes: Wishes, excluded: list[Excluded]) -> str:
    others = without_rights(excluded)  # the caller reads this
    of = f"{len(ordered)} of {len(ordered) + len(others)} candidates"
    if len(ordered) == 1:
        return f"the only one of {len(others) + 1} that can answer" if others else "the only deployment"
    wish = wishes.provider
    if wish is not None and (wish.order or wish.sort_by):
        return f"first by the caller's provider.{'order' if wish.order else 'sort'}, {of} eligible"
    if policy.kind != "weighted" and ordered[0].name in policy.order:
        return f"first in the order of {policy.name}, {of} eligible"
    weights = dict(policy.weights)
    name, _ = max(ordered[0].parts, key=lambda part: weights.get(part[0], 0.0) * part[1])
    return f"best score {ordered[0].score:.2f} under {policy.name}, mostly for {name}; {of} eligible"
