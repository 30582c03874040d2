"""Adapters: one file per wire format, found by discovery."""

from collections.abc import Mapping
from functools import cache

from neuroroute.plugins import discover
from providers.adapters.base import Adapter


@cache
def adapters() -> Mapping[str, Adapter]:
    """Every adapter, one instance each, by the name of its wire."""
    return {name: cls() for name, cls in discover("providers.adapters", Adapter).items()}


def wire_choices() -> list[tuple[str, str]]:
    """Choices for a form: (wire, label)."""
    return [(name, adapter.label) for name, adapter in sorted(adapters().items())]
