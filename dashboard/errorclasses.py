"""Which classes of error can a record name? The leaves and branches of the tree; `providers.errorwords` says them."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from providers.errors import GatewayError, ProviderError
from providers.errorwords import is_builtin
from routing.errors import RoutingError
from tenants.errors import TenantError

BRANCHES = frozenset({ProviderError, RoutingError, TenantError})
ENDED: Final[Mapping[str, str]] = {  # the same of an attempt, behind the name of who was asked
    "AccessDenied": "does not let our credential use this model",
    "BadUpstreamResponse": "sent an answer that cannot be read",
    "ContentRefused": "refused the content",
    "ContextTooLong": "found the prompt too long",
    "CredentialRejected": "refused our credential",
    "Diverged": "said something else when it was asked again",
    "DeadlineReached": "had not answered by the request's own deadline",
    "InvalidRequest": "found the request invalid",
    "NotAsked": "was not asked",
    "NotOffered": "does not offer this",
    "Overloaded": "was overloaded",
    "QuotaExhausted": "had no quota left",
    "RateLimited": "was rate limited",
    "StreamInterrupted": "broke off",
    "TakenTooSlowly": "was taken too slowly by the client",
    "Unreachable": "could not be reached",
    "UnsupportedByWire": "cannot be asked this",
    "Untrusted": "could not be trusted: its certificate does not hold",
    "UpstreamNotFound": "does not know the model, or has nothing at this address",
    "UpstreamStalled": "stopped in the middle of its answer",
    "UpstreamTimeout": "did not answer in time",
}


@cache
def error_classes() -> tuple[str, ...]:
    """The names of what can go wrong, in order."""
    return tuple(sorted({kind.__name__ for kind in _below(GatewayError) if kind not in BRANCHES}))


def is_error_class(name: str) -> bool:
    """Whether it is one of those, or a fault of ours that Python has a name for."""
    return name in error_classes() or is_builtin(name)


def _below(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)
