"""Which classes of error can a record name? The leaves and branches of the tree, by name."""

import builtins
from collections.abc import Iterator
from functools import cache

from providers.errors import GatewayError, ProviderError
from routing.errors import RoutingError
from tenants.errors import TenantError

BRANCHES = frozenset({ProviderError, RoutingError, TenantError})


@cache
def error_classes() -> tuple[str, ...]:
    """The names of what can go wrong, in order."""
    return tuple(sorted({kind.__name__ for kind in _below(GatewayError) if kind not in BRANCHES}))


def is_error_class(name: str) -> bool:
    """Whether it is one of those, or a fault of ours that Python has a name for."""
    return name in error_classes() or isinstance(getattr(builtins, name, None), type)


def _below(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)
