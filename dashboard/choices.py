"""What can a filter be set to? The few values that fit what was typed, of as many as there are and one may see."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from msgspec import Struct

from dashboard.errorclasses import error_classes
from dashboard.scope import Scope
from providers.errorwords import in_words
from providers.neighbours import Neighbours
from providers.selectors import deployments_called, models_called, providers_called
from routing.selectors import policies_called
from tenants.selectors import keys_called

MOST: Final = 20  # who looks for another types on
NEAREST: Final = 3
COMPARED: Final = 10_000  # so many names are held against one that is mistyped


class Choice(Struct, frozen=True):
    """A value as the address has it, and what else tells it from others."""

    value: str
    note: str = ""


def _tenants(text: str, scope: Scope, most: int) -> Iterable[Choice]:
    found = [name for name in scope.tenants.values() if text.casefold() in name.casefold()]
    found.sort(key=lambda name: not name.casefold().startswith(text.casefold()))
    return map(Choice, found[:most])


def _keys(text: str, scope: Scope, most: int) -> Iterable[Choice]:
    whose = scope.tenant_id
    sight = frozenset({whose}) if isinstance(whose, int) else whose
    return (Choice(f"{key.tenant}/{key.name}", f"{key.prefix}…") for key in keys_called(text, sight, most))


def _errors(text: str, scope: Scope, most: int) -> Iterable[Choice]:
    found = [Choice(name, in_words(name)) for name in error_classes()]
    return [one for one in found if text.casefold() in f"{one.value}\n{one.note}".casefold()][:most]


OFFERED: Final[Mapping[str, Callable[[str, Scope, int], Iterable[Choice]]]] = {
    "tenant": _tenants,
    "provider": lambda text, _, most: map(Choice, providers_called(text, most)),
    "model": lambda text, _, most: map(Choice, models_called(text, most)),
    "deployment": lambda text, _, most: map(Choice, deployments_called(text, most)),
    "policy": lambda text, _, most: map(Choice, policies_called(text, most)),
    "key": _keys,
    "error": _errors,
}


def offered(word: str, text: str, scope: Scope) -> list[Choice]:
    """Up to `MOST` values of a filter that hold `text`, those that begin with it first; one query at most."""
    return list(OFFERED[word](text, scope, MOST))


def nearly(word: str, text: str, scope: Scope) -> list[Choice]:
    """A few values that somebody may have meant who mistyped one; one query at most."""
    known = {choice.value: choice for choice in OFFERED[word]("", scope, COMPARED)}
    return [known[name] for name in Neighbours(known).near(text, NEAREST)]
