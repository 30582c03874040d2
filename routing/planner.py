"""Which deployments should answer, in which order, and why? Decided once per class of requests, then shared.

Filters, scorers and policies see the class of a request, never its text; so requests of one class share one plan until
the configuration, somebody's health or the evidence changes. That keeps the cost of a request independent of the number
of deployments (docs/adr/0002-plans-per-request-class.md).
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from providers.catalog import Catalog
from providers.requests import Request
from providers.targets import Target
from routing.asked import Asked, Preferences, RequestClass
from routing.candidates import Excluded, Gate, facts_of, pool, sift
from routing.errors import NoEligibleCandidate
from routing.evidence import EvidenceBook
from routing.onemodel import one_model
from routing.policies import policy_kinds
from routing.policies.base import Candidate, PolicySpec
from routing.policybook import PolicyBook
from routing.resilience import Health
from routing.scorers import scorers
from routing.scorers.base import Facts, Field
from tenants.callers import Caller
from tenants.errors import Forbidden

AUTO: Final = "auto"
PLANS_KEPT: Final = 4096
CANDIDATES_KEPT: Final = 50_000  # in all plans together: about 30 MB, also where a plan has a thousand of them
LISTED: Final = 25  # candidates and exclusions that a decision record lists; the rest is counted


class Plan(Struct, frozen=True):
    """The candidates in the order of trying, the policy that ordered them, and the decision as JSON."""

    policy: PolicySpec
    candidates: tuple[Candidate, ...]
    fallback_from: int  # index from which candidates serve a fallback model
    decision: Raw
    why: str


class Planner:
    """Makes plans and remembers them. Everything it reads is held in memory."""

    def __init__(
        self,
        catalog: Callable[[], Catalog],
        policies: Callable[[], PolicyBook],
        evidence: EvidenceBook,
        health: Health,
        clock: Callable[[], float],
    ) -> None:
        self._catalog, self._policies = catalog, policies
        self._evidence, self._health, self._clock = evidence, health, clock
        self._plans: dict[tuple[Any, ...], Plan] = {}

    def forget(self) -> None:
        """Make every next plan anew; may be called from any thread."""
        self._plans = {}

    def plan(self, asked: Asked[Request], caller: Caller) -> Plan:
        """The plan for a request; raises `UnknownModel`, `UnknownPolicy`, `Forbidden`, `NoEligibleCandidate`."""
        plans, catalog = self._plans, self._catalog()  # in this order: a plan from an old catalogue dies with its dict
        request = classify(asked, catalog.contexts)
        needed = asked.tokens_needed if request.context_rank else 0
        options = asked.wishes.options
        key = (
            asked.request.model, asked.request.bound_to, asked.wishes.models, asked.wishes.preferences, options.policy,
            caller.tenant_id, caller.allow_models, caller.allow_policies, caller.default_policy, request, needed,
        )  # fmt: skip
        plan = plans.get(key)
        if plan is None:
            if len(plans) >= min(PLANS_KEPT, CANDIDATES_KEPT // (len(catalog.targets) or 1)):
                plans.clear()
            plan = plans[key] = self._make(asked, caller, request, catalog)
        return plan

    def _make(self, asked: Asked[Request], caller: Caller, request: RequestClass, catalog: Catalog) -> Plan:
        policy, names = self._ask_for(asked, caller)
        now = self._clock()
        gate = Gate(request, asked.tokens_needed, caller, self._health, now)
        ordered: list[Candidate] = []
        excluded: list[Excluded] = []
        fallback_from = 0
        for index, name in enumerate(names):
            targets = _new(pool(catalog, name, is_auto(name)), ordered)
            bound_to = next((t for t in targets if t.id == asked.request.bound_to), None)
            targets, others = one_model(targets, gate)
            fit, out = sift(targets, gate, bound_to)
            scored = score([facts_of(t, request, self._evidence, now) for t in fit], request, policy)
            chosen = policy_kinds()[policy.kind]().order(scored, policy)
            out += [Excluded(c.name, "policy", f"{policy.name} does not list it") for c in scored if c not in chosen]
            ordered += chosen
            excluded += out + others
            if index == 0:
                fallback_from = len(ordered)
        if not ordered:
            raise nobody(excluded, _first_back(catalog, excluded, self._health, now))
        decision = _decision(policy, request, ordered, excluded)
        return Plan(policy, tuple(ordered), fallback_from, decision, _why(ordered, policy, excluded))

    def _ask_for(self, asked: Asked[Request], caller: Caller) -> tuple[PolicySpec, tuple[str, ...]]:
        """The policy and the model names that are meant."""
        model = asked.request.model
        name = asked.wishes.options.policy
        if name is None:
            name = model.partition(":")[2] if is_auto(model) else ""
        policy = self._policies().named(name or caller.default_policy)
        if not (name == "" or "*" in caller.allow_policies or policy.name in caller.allow_policies):
            raise Forbidden(f"policy {policy.name}: {caller.tenant} may use {', '.join(caller.allow_policies)}")
        return preferred(policy, asked.wishes.preferences), (model, *asked.wishes.models)


def is_auto(model: str) -> bool:
    """Whether the name leaves the choice to the router."""
    return model == AUTO or model.startswith(AUTO + ":")


def classify(asked: Asked[Request], contexts: tuple[int, ...]) -> RequestClass:
    """The class of a request; `contexts` are the catalogue's distinct context sizes, ascending."""
    found = asked.features
    return RequestClass(
        asked.request.operation,
        found["category"],
        round(found["complexity"], 1),
        frozenset(found["needs"]),
        _round_up(found["prompt_tokens"]),
        _round_up(found["output_tokens"]),
        bisect_left(contexts, asked.tokens_needed),
    )


def _round_up(tokens: int) -> int:
    return 1 << max(tokens - 1, 0).bit_length()


def preferred(policy: PolicySpec, wish: Preferences | None) -> PolicySpec:
    """The policy with the caller's own weights, where the body brings some."""
    if wish is None:
        return policy
    weights = (("cost", wish.cost_weight), ("latency", wish.latency_weight), ("quality", wish.quality_weight))
    return msgspec.structs.replace(policy, kind="weighted", weights=tuple((k, v) for k, v in weights if v))


def score(facts: list[Facts], request: RequestClass, policy: PolicySpec) -> list[Candidate]:
    """Each candidate's parts and weighted mean, compared with the best of them."""
    costs = [f.cost_nano_usd for f in facts if f.cost_nano_usd is not None]
    times = [f.duration_ms for f in facts if f.duration_ms is not None]
    field = Field(request, min(costs, default=None), min(times, default=None))
    weights = {name: weight for name, weight in policy.weights if weight > 0}
    total = sum(weights.values()) or 1.0
    result = []
    for each in facts:
        parts = tuple((name, round(scorer.score(each, field), 4)) for name, scorer in scorers().items())
        mean = sum(weights.get(name, 0.0) * part for name, part in parts) / total
        result.append(Candidate(each, parts, round(mean, 4)))
    return result


def _first_back(catalog: Catalog, excluded: list[Excluded], health: Health, now: float) -> float | None:
    """Seconds until the first that only has no usable credential may be asked again; None: waiting does not help."""
    names = [e.deployment for e in excluded if e.rule == "credential"]
    bars = [health.barred(catalog.by_name[name], now) for name in names if name in catalog.by_name]
    return min((bar[0] for bar in bars if bar), default=None)


def nobody(excluded: list[Excluded], back_s: float | None) -> NoEligibleCandidate | Forbidden:
    """Why nobody is left: the tenant's own allow list, or each candidate's reason, and when to come back."""
    if excluded and all(e.rule == "allow list" for e in excluded):
        return Forbidden(f"model: {excluded[0].detail}", param="model")
    reasons = "; ".join(f"{e.deployment}: {e.detail}" for e in excluded[:LISTED]) or "no deployment is enabled"
    more = f"; and {len(excluded) - LISTED} more" if len(excluded) > LISTED else ""
    return NoEligibleCandidate(f"no deployment can answer this request: {reasons}{more}", retry_after_s=back_s)


def _new(targets: Iterable[Target], ordered: list[Candidate]) -> list[Target]:
    known = {c.facts.target.id for c in ordered}
    return [t for t in targets if t.id not in known]


def _decision(policy: PolicySpec, request: RequestClass, ordered: list[Candidate], excluded: list[Excluded]) -> Raw:
    return Raw(
        msgspec.json.encode(
            {
                "policy": policy.name,
                "kind": policy.kind,
                "version": policy.version,
                "weights": dict(policy.weights),
                "order": policy.order,
                "class": request,
                "candidates": [_shown(rank, c) for rank, c in enumerate(ordered[:LISTED], 1)],
                "excluded": excluded[:LISTED],
                "more_candidates": max(len(ordered) - LISTED, 0),
                "more_excluded": max(len(excluded) - LISTED, 0),
            }
        )
    )


def _shown(rank: int, candidate: Candidate) -> dict[str, Any]:
    facts = candidate.facts
    return {
        "rank": rank,
        "deployment": candidate.name,
        "score": candidate.score,
        "parts": dict(candidate.parts),
        "expected_cost_nano_usd": facts.cost_nano_usd,
        "ttft_ms": facts.ttft_ms,
        "duration_ms": facts.duration_ms,
        "quality": facts.quality,
        "uptime": round(facts.uptime, 4),
    }


def _why(ordered: list[Candidate], policy: PolicySpec, excluded: list[Excluded]) -> str:
    """One short sentence about the first choice."""
    of = f"{len(ordered)} of {len(ordered) + len(excluded)} candidates"
    if len(ordered) == 1:
        return f"the only one of {len(excluded) + 1} that can answer" if excluded else "the only deployment"
    if policy.kind != "weighted" and ordered[0].name in policy.order:
        return f"first in the order of {policy.name}, {of} eligible"
    weights = dict(policy.weights)
    name, _ = max(ordered[0].parts, key=lambda part: weights.get(part[0], 0.0) * part[1])
    return f"best score {ordered[0].score:.2f} under {policy.name}, mostly for {name}; {of} eligible"
