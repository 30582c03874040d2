"""Which deployments should answer, in which order, and why? Decided once per class of requests, then shared.

Filters, scorers and policies see the class of a request, never its text; so requests of one class share one plan until
the configuration, somebody's health or the evidence changes. That keeps the cost of a request independent of the number
of deployments (docs/adr/0002-plans-per-request-class.md).
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from math import isfinite
from typing import Any, Final

from msgspec import Raw, Struct

from providers.catalog import Catalog
from providers.errors import ContextTooLong, RateLimited, Refused
from providers.parameters import ALL
from providers.parameters import NONE as NO_PARAMETERS
from providers.requests import Request
from providers.reserved import is_auto
from providers.targets import Target
from providers.vendors import routes_itself
from routing.asked import Asked, RequestClass
from routing.binding import identity_rules
from routing.calibration import UNKNOWN, Calibrations
from routing.candidates import (
    CONTEXT,
    CREDENTIAL,
    KEY_SCOPE,
    PARAMETER,
    RIGHTS,
    Excluded,
    Gate,
    cannot_carry,
    facts_of,
    passed_over,
    pool,
    sift,
    without_rights,
)
from routing.decisions import LISTED, Standings, decision_record, why, why_nobody
from routing.errors import NobodyAble, NoEligibleCandidate, NotAsWished, UnsupportedParameter
from routing.evidence import EvidenceBook
from routing.onemodel import one_model
from routing.policies import policy_kinds
from routing.policies.base import Candidate, PolicySpec
from routing.policybook import PolicyBook
from routing.resilience import RATE_LIMITED, Bar, Health
from routing.ruling import ruling
from routing.scorers import scorers
from routing.scorers.base import Facts, Field
from routing.wishes.providerwish import ProviderWish
from routing.wishes.wishrules import wish_rules, wish_warnings, wished_order
from tenants.callers import Caller
from tenants.errors import Forbidden, OutsideScope

WISHED: Final = ("provider.", "neuroroute.")  # how the rules of callers' wishes begin
PLANS_KEPT: Final = 4096
CANDIDATES_KEPT: Final = 50_000  # in all plans together: about 30 MB, also where a plan has a thousand of them
PROMPT_FIELDS: Final = {"responses": "input", "embeddings": "input", "prompt": "prompt"}  # by surface; else "messages"
MEANT: Final = RIGHTS | {"operation"}  # rules against deployments that were never meant


class Plan(Struct, frozen=True):
    """The candidates in the order of trying, the policy that ordered them, and the decision as JSON."""

    policy: PolicySpec
    candidates: tuple[Candidate, ...]
    fallback_from: int  # index from which candidates serve a fallback model
    decision: Raw
    why: str
    warnings: tuple[str, ...] = ()
    calibrations: Calibrations = Calibrations()  # as they were when the candidates were compared
    barred: tuple[Candidate, ...] = ()  # without a usable credential for some time: asked once that has passed, if
    barred_fallback_from: int = 0  # all candidates have failed; those from this index on serve a fallback model


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
        plans, catalog = (
            self._plans,
            self._catalog().seen(caller.realm),
        )  # in this order: a plan from an old catalogue dies with its dict
        request = classify(asked, catalog.contexts, self._evidence.calibrations.largest)
        options = asked.wishes.options
        sizes = asked.sizes if request.context_rank or options.max_cost_usd is not None else ()
        key = (
            asked.request.model, asked.request.bound_to, asked.wishes.models, asked.wishes.preferences, options.policy,
            caller.tenant_id, caller.allow_models, caller.allow_policies, caller.default_policy, caller.scope, request,
            sizes, asked.wishes.provider, options.quality, options.max_cost_usd, asked.thrifty_policy,
        )  # fmt: skip
        plan = plans.get(key)
        if plan is None:
            if len(plans) >= min(PLANS_KEPT, CANDIDATES_KEPT // (len(catalog.targets) or 1)):
                plans.clear()
            plan = plans[key] = self._make(asked, caller, request, catalog)
        return plan

    def _make(self, asked: Asked[Request], caller: Caller, request: RequestClass, catalog: Catalog) -> Plan:
        ruled = ruling(asked, caller, request.client_task, self._policies().seen(caller.realm))
        policy, names = ruled.policy, (asked.request.model, *asked.wishes.models)
        pools, now, wish = _pools(catalog, names, caller), self._clock(), asked.wishes.provider
        calibrations = self._evidence.calibrations
        gate = Gate(
            request,
            asked.tokens_needed,
            calibrations,
            caller,
            self._health,
            now,
            catalog,
            identity_rules(asked, catalog, pools, caller),
            wish_rules(asked, catalog, calibrations),
            strict=bool(wish and wish.require_parameters),
        )
        chosen = self._choose(pools, gate, policy, wish)
        ordered, excluded = chosen.ordered, chosen.excluded
        decision = decision_record(ruled, request, asked.wishes, ordered, excluded, Standings(self._health, now))
        if not ordered:
            error = nobody(excluded, gate, catalog, PROMPT_FIELDS.get(asked.request.surface, "messages"))
            error.refused = Refused(policy.name, policy.version, why_nobody(excluded), decision)
            raise error
        said = why(ordered, policy, asked.wishes, excluded)
        warnings = ruled.warnings + (wish_warnings(wish, ordered) if wish else ())
        if caller.scope.models:
            warnings += passed_over(names, catalog, caller)
        return Plan(
            policy, tuple(ordered), chosen.fallback_from, decision, said, warnings, calibrations,
            tuple(chosen.barred), chosen.barred_fallback_from,
        )  # fmt: skip

    def _choose(
        self, pools: list[tuple[Target, ...]], gate: Gate, policy: PolicySpec, wish: ProviderWish | None
    ) -> "_Choice":
        """Divide, score and order the deployments of each pool, which has those only that no earlier one had."""
        found = _Choice()

        def chosen(targets: list[Target]) -> tuple[list[Candidate], list[Excluded]]:
            facts = [facts_of(target, gate.request, self._evidence, gate.now) for target in targets]
            return _chosen(score(facts, gate.request, policy), policy, wish, gate.catalog)

        for index, meant in enumerate(pools):
            targets, others = one_model(_new(meant, [*found.ordered, *found.barred]), gate)
            sifted = sift(targets, gate)
            fit, unchosen = chosen(sifted.fit)
            found.ordered += fit
            found.excluded += sifted.excluded + unchosen + others
            if sifted.barred and not (fit and _no_backups(wish)):
                found.barred += chosen(sifted.barred)[0]
            if index == 0:
                found.fallback_from, found.barred_fallback_from = len(found.ordered), len(found.barred)
        return found


class _Choice(Struct):
    """What came of weighing all pools; see `Plan`."""

    ordered: list[Candidate] = []  # msgspec copies what is empty
    barred: list[Candidate] = []
    excluded: list[Excluded] = []
    fallback_from: int = 0
    barred_fallback_from: int = 0


def classify(asked: Asked[Request], contexts: tuple[int, ...], factor: float = UNKNOWN) -> RequestClass:
    """The class of a request; `contexts` are the catalogue's distinct context sizes, ascending, `factor` that of the
    model that counts most."""
    found = asked.features
    return RequestClass(
        asked.request.operation,
        found["category"],
        round(found["complexity"], 1),
        frozenset(found["needs"]),
        _round_up(found["prompt_tokens"]),
        _round_up(found["output_tokens"]),
        bisect_left(contexts, asked.tokens_needed(factor)),
        frozenset(found["parameters"]) if found.get("parameters") else NO_PARAMETERS,
        found.get("client_task"),
    )


def _round_up(tokens: int) -> int:
    return 1 << max(tokens - 1, 0).bit_length()


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


def _pools(catalog: Catalog, names: Sequence[str], caller: Caller) -> list[tuple[Target, ...]]:
    """The deployments that each name means. A fallback that is not ours is left to an upstream that routes itself."""
    pools = [pool(catalog, names[0], caller)]
    routers = len(names) > 1 and any(routes_itself(t.provider, t.base_url) for t in pools[0])
    for name in names[1:]:
        known = is_auto(name) or name in catalog.by_model or name in catalog.by_name
        if known or not routers:
            pools.append(pool(catalog, name, caller, "models"))
    return pools


def _chosen(
    scored: list[Candidate], policy: PolicySpec, wish: ProviderWish | None, catalog: Catalog
) -> tuple[list[Candidate], list[Excluded]]:
    """The policy's order, then the caller's; and those that are not to be tried, each with the rule."""
    chosen = policy_kinds()[policy.kind]().order(scored, policy)
    out = [Excluded(c.name, "policy", f"{policy.name} does not list it") for c in scored if c not in chosen]
    if wish is None:
        return chosen, out
    chosen = wished_order(chosen, wish, catalog)
    if not _no_backups(wish):
        return chosen, out
    backups = [Excluded(c.name, "provider.allow_fallbacks", "the caller allows no backup") for c in chosen[1:]]
    return chosen[:1], out + backups


def _no_backups(wish: ProviderWish | None) -> bool:
    return wish is not None and wish.allow_fallbacks is False and not wish.order


def _bars(catalog: Catalog, excluded: list[Excluded], gate: Gate) -> list[Bar]:
    """The bars of those that only have no usable credential; each the one that ends first."""
    names = [e.deployment for e in excluded if e.rule == CREDENTIAL]
    targets = [catalog.by_name[name] for name in names if name in catalog.by_name]
    return [bar for target in targets if (bar := gate.health.credentials.barred(target, gate.now)) is not None]


def nobody(
    excluded: list[Excluded], gate: Gate, catalog: Catalog, field: str
) -> NoEligibleCandidate | Forbidden | UnsupportedParameter | ContextTooLong | RateLimited:
    """Why nobody is left: what the caller may, a parameter, the length of what stands in `field`, rate limits upstream,
    or each candidate's reason; and when to come back."""
    meant = [e for e in excluded if e.rule not in MEANT]
    ruled = [e for e in excluded if e.rule in RIGHTS]
    if ruled and not meant:
        last = next((e for e in ruled if e.rule == KEY_SCOPE), ruled[0])
        kind = OutsideScope if last.rule == KEY_SCOPE else Forbidden
        return kind(f"model: {last.detail}", param="model")
    named = without_rights(excluded)
    told = f"no deployment can answer this request: {_reasons(named) or 'no deployment is enabled'}"
    if meant and all(e.rule == PARAMETER for e in meant):
        names = cannot_carry(catalog.by_name[meant[0].deployment], gate)
        return UnsupportedParameter(told, param=ALL[names[0]].field)
    if meant and all(e.rule.startswith(WISHED) for e in meant):
        return NotAsWished(told)
    if named and all(e.rule != CREDENTIAL for e in meant):  # waiting helps nobody
        small = [e for e in meant if e.rule == CONTEXT]  # the last of the filters: these can do all else
        if small:
            why_not = f"the prompt is too long, with the answer that may follow: {_reasons(small)}"
            return ContextTooLong(f"{field}: {why_not}", param=field)
        return NobodyAble(told)
    bars = _bars(catalog, excluded, gate)
    back_s = min((bar.until - gate.now for bar in bars if isfinite(bar.until)), default=None)
    if bars and len(bars) == len(meant) and all(bar.kind == RATE_LIMITED for bar in bars):
        return RateLimited("every deployment that could answer is rate limited upstream", retry_after_s=back_s)
    return NoEligibleCandidate(told, retry_after_s=back_s)


def _reasons(excluded: list[Excluded]) -> str:
    more = f"; and {len(excluded) - LISTED} more" if len(excluded) > LISTED else ""
    return "; ".join(f"{e.deployment}: {e.detail}" for e in excluded[:LISTED]) + more


def _new(targets: Iterable[Target], ordered: list[Candidate]) -> list[Target]:
    known = {c.facts.target.id for c in ordered}
    return [t for t in targets if t.id not in known]
