"""By what are numbers grouped? The choices of a panel, and the name, the address and the colour of each value."""

from collections.abc import Sequence
from typing import TypeVar

from msgspec import Struct

from dashboard.accepted import By
from dashboard.scope import Scope
from tenants.selectors import key_labels
from usage.rollups import OTHER_TAGS
from usage.selectors.requestwords import NOBODY

C = TypeVar("C", bound=str)


class Tab(Struct, frozen=True):
    """One way of grouping."""

    name: str
    address: str
    current: bool


class Tabs(Struct, frozen=True):
    """The ways of grouping, and the sentence that says why the one of the address is not among them; else empty."""

    choices: tuple[Tab, ...]
    instead: str


def chosen(scope: Scope, choices: Sequence[C]) -> C:
    """The `group` of the address if it is one of the choices, else the first."""
    return next((choice for choice in choices if choice == scope.word("group")), choices[0])


def refused(scope: Scope, choices: Sequence[str]) -> tuple[str, ...]:
    """The word `group` where it asks for none of the choices: figures are by the first of them then."""
    return ("group",) if choices and scope.word("group") not in ("", *choices) else ()


def tabs(scope: Scope, choices: Sequence[str]) -> Tabs:
    current, asked = chosen(scope, choices), scope.word("group")
    where = "beside these filters" if scope.narrowing else "on this page"
    instead = f"Shown by {current}: there are no sums by {asked} {where}." if refused(scope, choices) else ""
    return Tabs(tuple(Tab(choice, scope.here(group=choice), choice == current) for choice in choices), instead)


def labels(scope: Scope, by: By, values: Sequence[int | str]) -> dict[int | str, str]:
    """How each value is called: tenants and keys by their names, nothing as "nobody" or "none"."""
    if by == "tenant":
        return {value: scope.tenants.get(int(value), f"tenant {value}, deleted") for value in values}
    if by == "key":
        known = scope.ask(key_labels, frozenset(map(int, values)))
        return {value: known.get(int(value), f"key {value}, deleted") for value in values}
    if by == "tag":
        return {value: {"": "none", OTHER_TAGS: "other tags"}.get(str(value), str(value)) for value in values}
    return {value: str(value) or ("none" if by == "policy" else "nobody") for value in values}


def requests_of(scope: Scope, by: By, value: int | str) -> str:
    """The address of the requests behind a value."""
    return scope.link("requests", **words_of(scope, by, value))


def words_of(scope: Scope, by: By, value: int | str) -> dict[str, str]:
    """The filters that a value stands for."""
    if by == "tenant":
        return {"tenant": scope.tenants.get(int(value), "")}
    if by == "deployment":
        provider, _, model = str(value).partition("/")
        return {"provider": provider or NOBODY, "model": model or NOBODY}
    if value == OTHER_TAGS:
        return {}
    return {by: str(value) or NOBODY}
