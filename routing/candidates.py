"""What could answer? The catalogue's deployments, each passed by every hard filter or ruled out with a reason."""

from collections.abc import Callable, Iterable, Sequence
from math import isfinite
from typing import Final

from msgspec import Struct

from providers.adapters import adapters
from providers.catalog import Catalog
from providers.chat import ChatRequest, TokenUsage
from providers.embeddings import EmbeddingRequest, only_embeds
from providers.parameters import EXCLUDE, rules_out
from providers.reserved import is_auto
from providers.targets import Target
from routing.answering.billing import forecast
from routing.asked import LONGEST_SHARE, RequestClass
from routing.calibration import Calibrations, calibrated
from routing.errors import UnknownModel
from routing.evidence import Evidence, EvidenceBook
from routing.resilience import Health
from routing.scorers.base import Facts, Origin
from tenants.callers import Caller, Scope, admits

PARAMETER: Final = "parameter"
CONTEXT: Final = "context"
CREDENTIAL: Final = "credential"
ALLOW_LIST: Final = "allow list"
KEY_SCOPE: Final = "key scope"
RIGHTS: Final = frozenset({ALLOW_LIST, KEY_SCOPE})  # rules of who asks, not of what is asked
Check = Callable[[Target], str | None]  # the reason, None: it may stay
Rule = tuple[str, Check]


class Excluded(Struct, frozen=True):
    """A deployment that a rule ruled out, with the two figures or names that decided."""

    deployment: str
    rule: str
    detail: str


class Gate(Struct, frozen=True):
    """What the hard filters compare a deployment with."""

    request: RequestClass
    tokens_needed: Callable[[float], int]  # by the factor of who counts them
    calibrations: Calibrations
    caller: Caller
    health: Health
    now: float
    catalog: Catalog
    identity: tuple[Rule, ...] = ()  # whom the conversation is bound to
    wishes: tuple[Rule, ...] = ()  # the caller's own rules
    strict: bool = False  # the caller wants no parameter dropped


Filter = tuple[str, Callable[[Target, Gate], str | None]]


def pool(catalog: Catalog, asked: str, caller: Caller, field: str = "model") -> tuple[Target, ...]:
    """The deployments that the name in `field` means; raises `UnknownModel`, naming the nearest that may be called."""
    if is_auto(asked):
        return catalog.targets
    if found := _meant(catalog, asked):
        return found
    near = nearest(catalog, asked, caller)
    raise UnknownModel(
        f"{asked}: no enabled deployment has this name" + (f"; nearest: {near}" if near else ""), param=field
    )


def nearest(catalog: Catalog, name: str, caller: Caller) -> str | None:
    """The name that was probably meant, of those that this caller may call."""
    return catalog.nearest(name, lambda near: any(may_call(caller, t, catalog) for t in _meant(catalog, near)))


def _meant(catalog: Catalog, name: str) -> tuple[Target, ...]:
    if found := catalog.by_model.get(name):
        return found
    one = catalog.by_name.get(name)
    return (one,) if one else ()


class Sifted(Struct, frozen=True):
    """The eligible, those ruled out, and of these the ones that have no usable credential until a known instant."""

    fit: list[Target]
    excluded: list[Excluded]
    barred: list[Target]


def sift(targets: Iterable[Target], gate: Gate) -> Sifted:
    """Divide the targets; where only soft rests stand in the way, the resting are eligible."""
    fit: list[Target] = []
    tired: list[tuple[float, Target, Excluded]] = []
    excluded: list[Excluded] = []
    barred: list[Target] = []
    for target in targets:
        if (reason := _ruled_out(target, gate)) is not None:
            excluded.append(Excluded(target.name, *reason))
        elif bar := gate.health.barred(target, gate.now):
            excluded.append(Excluded(target.name, CREDENTIAL, _until(*bar)))
            if isfinite(bar[0]):
                barred.append(target)
        elif rest := gate.health.resting(target, gate.now):
            tired.append((rest[0], target, Excluded(target.name, "cooldown", f"{rest[1]}; back in {rest[0]:.0f} s")))
        else:
            fit.append(target)
    if fit:
        return Sifted(fit, excluded + [reason for _, _, reason in tired], barred)
    return Sifted([target for _, target, _ in sorted(tired, key=lambda item: item[0])], excluded, barred)


def _ruled_out(target: Target, gate: Gate) -> tuple[str, str] | None:
    """The first lasting rule that says no: who asks, the conversation's, then everybody's, then the caller's wishes.

    Rights come first: what the caller may not is told to nobody else than the record, whatever else is against it.
    """
    return (
        _first(RULES_OF_RIGHTS, target, gate)
        or _bound(gate.identity, target)
        or _first(FILTERS, target, gate)
        or _bound(gate.wishes, target)
    )


def _first(filters: Sequence[Filter], target: Target, gate: Gate) -> tuple[str, str] | None:
    for rule, check in filters:
        if (detail := check(target, gate)) is not None:
            return rule, detail
    return None


def _bound(rules: Sequence[Rule], target: Target) -> tuple[str, str] | None:
    for rule, check in rules:
        if (detail := check(target)) is not None:
            return rule, detail
    return None


def not_allowed(target: Target, gate: Gate) -> str | None:
    if in_list(gate.caller.allow_models, target, gate.catalog):
        return None
    return f"{gate.caller.tenant} may call {', '.join(gate.caller.allow_models) or 'nothing'}"


def outside_scope(target: Target, gate: Gate) -> str | None:
    scope = gate.caller.scope
    if in_scope(scope, target, gate.catalog):
        return None
    return f"outside this key's scope, which has {', '.join(scope.models)}"


def cannot_do(target: Target, gate: Gate) -> str | None:
    """Whether it is for something else: an embedding model cannot chat and the reverse, and not every wire has all."""
    operation = gate.request.operation
    if operation == EmbeddingRequest.operation:
        if "embeddings" not in target.capabilities:
            return "not an embedding model"
    elif only_embeds(target.capabilities):
        return "an embedding model cannot chat"
    if operation != ChatRequest.operation and operation not in adapters()[target.wire].operations():
        return f"its wire, {target.wire}, does not offer {operation}"
    return None


def _lacks(target: Target, gate: Gate) -> str | None:
    missing = gate.request.needs - target.capabilities
    if "json_mode" in missing and "json_schema" in target.capabilities:
        missing -= {"json_mode"}
    return f"lacks {', '.join(sorted(missing))}" if missing else None


def cannot_carry(target: Target, gate: Gate) -> list[str]:
    """The parameters of the request that rule the target out, as its wire lacks them and they may not be dropped."""
    if not gate.request.parameters:
        return []
    way = EXCLUDE if gate.strict else target.unsupported
    lacking = gate.request.parameters & adapters()[target.wire].operation(gate.request.operation).unsupported
    return sorted(name for name in lacking if rules_out(name, way))


def _lacks_parameters(target: Target, gate: Gate) -> str | None:
    names = cannot_carry(target, gate)
    return f"its wire, {target.wire}, cannot carry {', '.join(names)}" if names else None


def _too_small(target: Target, gate: Gate) -> str | None:
    if target.context is None:
        return None
    needed = gate.tokens_needed(gate.calibrations.of(target))
    return f"context {target.context:,} < {needed:,} needed" if target.context < needed else None


def _until(seconds: float, why: str) -> str:
    return f"{why}; " + (f"back in {seconds:.0f} s" if isfinite(seconds) else "until it is changed or reset")


RULES_OF_RIGHTS: Final[Sequence[Filter]] = ((ALLOW_LIST, not_allowed), (KEY_SCOPE, outside_scope))
FILTERS: Final[Sequence[Filter]] = (
    ("operation", cannot_do),
    (PARAMETER, _lacks_parameters),
    ("capability", _lacks),
    (CONTEXT, _too_small),
)


def may_call(caller: Caller, target: Target, catalog: Catalog) -> bool:
    """Whether the caller's tenant and its key both admit a deployment of the catalogue."""
    return in_list(caller.allow_models, target, catalog) and in_scope(caller.scope, target, catalog)


def in_scope(scope: Scope, target: Target, catalog: Catalog) -> bool:
    """Whether a scope has a deployment; one without models has every one."""
    return not scope.models or in_list(scope.models, target, catalog)


def in_list(patterns: tuple[str, ...], target: Target, catalog: Catalog) -> bool:
    """Whether a list has a deployment: by a pattern of its names, or by a name that means it in this catalogue.

    So an alias stands for what it leads to now. Patterns are held against models and provider/model alone: an alias
    that is made later puts nothing into a list that does not name it.
    """
    if admits(patterns, target.model, target.name):
        return True
    return any(target.id == each.id for name in patterns for each in _meant(catalog, name))


def without_rights(excluded: Iterable[Excluded]) -> list[Excluded]:
    """Those that the caller may hear of: the others are none of its business."""
    return [each for each in excluded if each.rule not in RIGHTS]


def passed_over(names: Iterable[str], catalog: Catalog, caller: Caller) -> tuple[str, ...]:
    """Warnings about those of several names whose deployments are all outside the key's scope: others answer."""
    gone = [
        name
        for name in names
        if (found := _meant(catalog, name)) and not any(in_scope(caller.scope, t, catalog) for t in found)
    ]
    return tuple([f"{name}: outside this key's scope, passed over" for name in gone])


def facts_of(target: Target, request: RequestClass, evidence: EvidenceBook, now: float) -> Facts:
    """What is known of an eligible deployment: measured, else the catalogue's prior, else unknown."""
    seen = evidence.of(target.id)
    ttft = target.ttft_ms if seen.ttft_ms is None else seen.ttft_ms
    prior = 1000.0 / target.tokens_per_s if target.tokens_per_s else None
    per_token = prior if seen.ms_per_token is None else seen.ms_per_token
    duration = None if per_token is None else (ttft or 0.0) + per_token * request.output_tokens
    factor = evidence.calibrations.of(target)
    usage = TokenUsage(calibrated(request.prompt_tokens, 0, factor), request.output_tokens)
    cost = target.price.cost_nano_usd(usage) if target.price else None
    quality = dict(target.category_quality).get(request.category, target.quality)
    longest = usage.completion * LONGEST_SHARE
    spread = forecast(target.price, usage.prompt, usage.completion, longest) if target.price else None
    origin, age_s = _origin(ttft, seen, now)
    there = evidence.residency.of(target, now)
    return Facts(target, cost, ttft, duration, quality, seen.uptime(now), factor, spread, origin, age_s, *there)


def _origin(ttft_ms: float | None, seen: Evidence, now: float) -> tuple[Origin | None, float | None]:
    """Where a time to first token is from, and how many seconds old it is where we measured it ourselves."""
    if ttft_ms is None:
        return None, None
    if seen.ttft_ms is None:
        return "catalogue", None
    age_s = None if seen.timed_at is None else round(max(now - seen.timed_at, 0.0), 3)
    return ("measured" if seen.here else "profile"), age_s
