"""Every version of a policy is kept: what it decided, who made it so, when and why.

There is one place that writes them: whoever changes a policy leaves an audit row (`providers.audit`), and a row that
tells of a change in what the policy decides makes the next version, in the same transaction. Numbers of one name never
come again, neither after a renaming nor after a deletion, so that `name, number` in the record of a request means one
version for good.
"""

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Max, Q, QuerySet
from msgspec import Struct

from providers.audit import Actor, Changes
from routing.models import Policy, PolicyVersion

DECIDES: Final = ("kind", "weights", "order", "client_tasks", "recovery", "hedging")
VERSIONED: Final = frozenset({"name", *DECIDES})  # by the name and its version requests say who decided
BY_ENTRY: Final = {"weights": "weight of {}", "client_tasks": "chore {}"}  # field -> label of one entry

Decides = Mapping[str, Any]


class Difference(Struct, frozen=True):
    """One thing that two versions decide otherwise."""

    label: str
    old: Any
    new: Any


def keep(*, row: Policy, actor: Actor, action: str, changes: Changes, reason: str, **_: Any) -> None:
    """After an audit row about a policy: keep what it decides now, if that is new (receives `audit.recorded`)."""
    if action == "deleted" or not VERSIONED & changes.keys():
        return
    row.version = _next(row, held=0 if action == "added" else row.version)
    Policy.objects.filter(pk=row.pk).update(version=row.version)
    PolicyVersion.objects.create(
        policy=row,
        name=row.name,
        number=row.version,
        decides={name: getattr(row, name) for name in DECIDES},
        made_by=actor.name,
        via=actor.via,
        reason=reason[:500],
    )


def differences(old: Decides, new: Decides) -> list[Difference]:
    """What `new` decides otherwise than `old`: field by field, weights by scorer, chores one by one."""
    left, right = told(old), told(new)
    pairs = ((label, left.get(label), right.get(label)) for label in left | right)
    return [Difference(label, before, after) for label, before, after in pairs if before != after]


def told(decides: Decides) -> dict[str, Any]:
    """What a version decides, as label -> value. A weight of 0 and an unnamed one mean the same: neither is told."""
    found: dict[str, Any] = {}
    for name in DECIDES:
        value = decides.get(name)
        if name in BY_ENTRY:
            found |= {BY_ENTRY[name].format(entry): each for entry, each in (value or {}).items() if each}
        else:
            found[str(getattr(Policy._meta.get_field(name), "verbose_name", name))] = value
    return found


def siblings(version: PolicyVersion) -> QuerySet[PolicyVersion]:
    """All versions of the policy that `version` is of, the newest first; of one that was deleted, those of its name."""
    if version.policy_id is not None:
        return PolicyVersion.objects.filter(policy=version.policy_id)
    return PolicyVersion.objects.filter(policy=None, name=version.name)


def _next(row: Policy, held: int) -> int:
    """The writer's transaction holds the policy's row, so that nobody else takes the same number."""
    known = PolicyVersion.objects.filter(Q(policy=row) | Q(name=row.name)).aggregate(most=Max("number"))["most"]
    return max(held, known or 0) + 1
