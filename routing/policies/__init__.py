"""Policies: one file per kind, found by discovery."""

from collections.abc import Mapping
from functools import cache

from neuroroute.plugins import discover
from routing.policies.base import PolicyKind


@cache
def policy_kinds() -> Mapping[str, type[PolicyKind]]:
    """Every kind of policy, by name."""
    return discover("routing.policies", PolicyKind)


def kind_choices() -> list[tuple[str, str]]:
    """Choices for a form: (kind, label)."""
    return [(name, kind.label) for name, kind in sorted(policy_kinds().items())]
