"""What can a filter be set to? The few values that fit what was typed, of as many as there are and one may see."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from msgspec import Struct

from dashboard.scope import Scope
from providers.selectors import deployments_called, models_called, providers_called
from routing.selectors import policies_called
from tenants.selectors import keys_called

MOST: Final = 20  # who looks for another types on


class Choice(Struct, frozen=True):
    """A value as the address has it, and what else tells it from others."""

    value: str
    note: str = ""


def _tenants(text: str, scope: Scope) -> Iterable[Choice]:
    found = [name for name in scope.tenants.values() if text.casefold() in name.casefold()]
    found.sort(key=lambda name: not name.casefold().startswith(text.casefold()))
    return map(Choice, found[:MOST])


def _keys(text: str, scope: Scope) -> Iterable[Choice]:
    whose = scope.tenant_id
    sight = frozenset({whose}) if isinstance(whose, int) else whose
    return (Choice(f"{key.tenant}/{key.name}", f"{key.prefix}…") for key in keys_called(text, sight, MOST))


OFFERED: Final[Mapping[str, Callable[[str, Scope], Iterable[Choice]]]] = {
    "tenant": _tenants,
    "provider": lambda text, _: map(Choice, providers_called(text, MOST)),
    "model": lambda text, _: map(Choice, models_called(text, MOST)),
    "deployment": lambda text, _: map(Choice, deployments_called(text, MOST)),
    "policy": lambda text, _: map(Choice, policies_called(text, MOST)),
    "key": _keys,
}


def offered(word: str, text: str, scope: Scope) -> list[Choice]:
    """Up to `MOST` values of a filter that hold `text`, those that begin with it first; one query at most."""
    return list(OFFERED[word](text, scope))
