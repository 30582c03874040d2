"""The policies that workers hold in memory, and what `auto` and its variants mean."""

import difflib
from collections.abc import Mapping
from itertools import chain
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import Struct

from providers.realms import DRILL, Realm
from providers.revisions import POLICIES
from providers.snapshots import Snapshot
from routing.errors import UnknownModel, UnknownPolicy
from routing.models import Policy
from routing.policies.base import PolicySpec
from tenants.callers import Caller, admits
from tenants.errors import OutsideScope

EVERY_TASK: Final = "*"
SHORT_NAMES: Final = {
    "cheap": "cost-optimized",
    "fast": "performance-first",
    "best": "best-quality",
    "balanced": "balanced",
}


class PolicyBook(Struct, frozen=True):
    """Enabled policies by name."""

    by_name: Mapping[str, PolicySpec]
    drill: Mapping[str, PolicySpec] = MappingProxyType({})

    def seen(self, by: Realm) -> "PolicyBook":
        """What a caller can name: the resilience drill its own policies alone, everybody else all but those."""
        return PolicyBook(self.drill) if by == DRILL else self

    def find(self, name: str) -> PolicySpec | None:
        """The policy of this name or short name, if it is enabled."""
        return self.by_name.get(name) or self.by_name.get(SHORT_NAMES.get(name, ""))

    def named(self, name: str, caller: Caller, field: str | None = None) -> PolicySpec:
        """The policy of this name or short name, which stood in `field`; raises `UnknownPolicy`, of a `model`
        `UnknownModel`, with the nearest that the caller may choose."""
        spec = self.find(name)
        if spec is None:
            chosen = [names for names in map(names_of, self.by_name.values()) if caller.may_choose(*names)]
            near = difflib.get_close_matches(name, chain.from_iterable(chosen), 1)
            nearest = f"; nearest: {near[0]}" if near else ""
            unknown = UnknownModel if field == "model" else UnknownPolicy  # `auto:NAME` is a model to its caller
            raise unknown(f"{name}: no enabled policy has this name{nearest}", param=field)
        return spec

    def own(self, caller: Caller) -> PolicySpec:
        """What a caller means that names none: its tenant's default; where the key's scope leaves that out, the first
        policy that the scope has. Raises `UnknownPolicy`, `OutsideScope`."""
        scope = caller.scope
        if not scope.policies:
            return self.named(caller.default_policy, caller)
        usual = self.find(caller.default_policy)
        if usual is not None and caller.scope_has_policy(*names_of(usual)):
            return usual
        for pattern in scope.plain_policies:
            for spec in self.by_name.values():
                if admits((pattern,), *names_of(spec)) and caller.may_choose(*names_of(spec)):
                    return spec
        raise OutsideScope(f"policy: none is left of this key's scope, which has {', '.join(scope.policies)}")

    def for_task(self, policy: PolicySpec, task: str | None) -> PolicySpec:
        """The policy that `policy` sends a front end's chore to, where it names an enabled one; else itself."""
        if task is None or not policy.client_tasks:
            return policy
        wanted = dict(policy.client_tasks)
        name = wanted.get(task) or wanted.get(EVERY_TASK) or policy.name
        found = self.find(name)
        if found is None or found.name == policy.name:
            return policy
        return msgspec.structs.replace(found, instead_of=policy.name)


def names_of(spec: PolicySpec) -> tuple[str, ...]:
    """A policy's name, and the short one that it is also called by."""
    return (spec.name, *(short for short, long in SHORT_NAMES.items() if long == spec.name))


def load_policies() -> PolicyBook:
    """Read the enabled policies."""
    found: dict[bool, dict[str, PolicySpec]] = {False: {}, True: {}}
    for row in Policy.objects.filter(enabled=True).order_by("name"):
        found[row.drill][row.name] = spec_of(row)
    return PolicyBook(found[False], found[True])


def spec_of(row: Policy) -> PolicySpec:
    """A policy's row as the engine sees it."""
    weights = tuple(sorted((str(k), float(v)) for k, v in row.weights.items()))
    tasks = tuple(sorted(row.client_tasks.items()))
    return PolicySpec(
        row.name,
        row.kind,
        weights,
        tuple(row.order),
        row.version,
        tasks,
        recovery=row.recovery,
        hedging=row.hedging,
    )


policybook: Snapshot[PolicyBook] = Snapshot(POLICIES, load_policies)
