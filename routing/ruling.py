"""By which policy is a request decided, and what that was to lead elsewhere stays without effect?

A caller names a policy, or means its tenant's default. From there three ways lead to another order: the policy for when
little of a budget is left, a policy's `client_tasks`, and the caller's own weights. None of them leads out of the key's
scope: where it would, what was decided before stays, and a warning says so. What is outside only the record names.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from providers.requests import Request
from providers.reserved import is_auto
from routing.asked import Asked, Preferences
from routing.candidates import KEY_SCOPE
from routing.policies.base import PolicySpec
from routing.policybook import PolicyBook, names_of
from tenants.callers import Caller, admits
from tenants.errors import Forbidden, OutsideScope

LITTLE_LEFT: Final = "little of a budget is left"


class Ruling(Struct, frozen=True):
    """The policy, what the caller is warned of, and the policies that were led to and are outside, for the record."""

    policy: PolicySpec
    warnings: tuple[str, ...] = ()
    outside: tuple[dict[str, Any], ...] = ()


def ruling(asked: Asked[Request], caller: Caller, client_task: str | None, policies: PolicyBook) -> Ruling:
    """The policy of a request; raises `UnknownModel`, `UnknownPolicy`, `Forbidden`, `OutsideScope`."""
    warnings, outside = [], []
    if asked.thrifty_policy:
        thrifty = policies.find(asked.thrifty_policy)
        if thrifty and caller.scope_has_policy(*names_of(thrifty)):
            return Ruling(thrifty, (f"{LITTLE_LEFT}: policy {thrifty.name}",))
        warnings.append(f"{LITTLE_LEFT}: its policy is {_out(thrifty)}, what was asked for stays")
        outside += _led_to(thrifty, "budget")
    policy = _asked_for(asked, caller, policies)
    if is_auto(asked.request.model):
        chore = policies.for_task(policy, client_task)
        if caller.scope_has_policy(*names_of(chore)):
            policy = chore
        else:
            warnings.append(f"client task {client_task}: its policy is {_out(chore)}, {policy.name} stays")
            outside += _led_to(chore, f"client task {client_task}")
    if (own := asked.wishes.preferences) is not None:
        if not caller.may_weigh:
            warnings.append(f"preferences: not for a key that may use some policies only, {policy.name} stays")
        else:
            policy = preferred(policy, own)
    return Ruling(policy, tuple(warnings), tuple(outside))


def _out(policy: PolicySpec | None) -> str:
    return "outside this key's scope" if policy else "not enabled"


def _led_to(policy: PolicySpec | None, by: str) -> list[dict[str, Any]]:
    return [{"policy": policy.name, "led_to_by": by, "rule": KEY_SCOPE}] if policy else []


def _asked_for(asked: Asked[Request], caller: Caller, policies: PolicyBook) -> PolicySpec:
    """What the caller names, else what it means without a name."""
    name, model = asked.wishes.options.policy, asked.request.model
    field = "model" if name is None else "neuroroute.policy"
    if name is None:
        name = model.partition(":")[2] if is_auto(model) else ""
    return _permitted(policies.named(name, caller, field), field, caller) if name else policies.own(caller)


def _permitted(policy: PolicySpec, field: str, caller: Caller) -> PolicySpec:
    """The policy that the caller named; raises `Forbidden`, which names the field."""
    names = names_of(policy)
    if not admits(caller.allow_policies, *names):
        told = f"policy {policy.name}: {caller.tenant} may use {', '.join(caller.allow_policies)}"
        raise Forbidden(f"{field}: {told}", param=field)
    if not caller.scope_has_policy(*names):
        told = f"policy {policy.name} is outside this key's scope, which has {', '.join(caller.scope.policies)}"
        raise OutsideScope(f"{field}: {told}", param=field)
    return policy


def preferred(policy: PolicySpec, wish: Preferences) -> PolicySpec:
    """The policy with the caller's own weights."""
    weights = (("cost", wish.cost_weight), ("latency", wish.latency_weight), ("quality", wish.quality_weight))
    return msgspec.structs.replace(policy, kind="weighted", weights=tuple((k, v) for k, v in weights if v))
