"""Which controls stand above a page? The range, the filters with their values, and a chip for each filter in use."""

from collections.abc import Mapping
from typing import Final

from django.urls import reverse
from msgspec import Struct
from msgspec.structs import replace

from dashboard.accepted import CHOSEN, named
from dashboard.choices import NEAREST, OFFERED, nearly, offered
from dashboard.errorclasses import is_error_class
from dashboard.pages import Page
from dashboard.ranges import CUSTOM, RANGES
from dashboard.scope import NO_SUCH, Chip, Scope
from routing.selectors import words_known
from tenants.selectors import key_label
from usage.selectors.requestwords import BOUNDS, NOBODY

UNITS: Final[Mapping[str, str]] = {"min_cost": "USD", "max_cost": "USD", "min_ttft": "ms", "min_total": "ms"}
SHORT: Final = 30  # so many tenants stand in a list at once; more are looked for


class Filter(Struct, frozen=True):
    """A control: its word in the address, its label, its value, and what it is chosen from: `choices`, or what is
    typed, for which the list at `source` helps."""

    name: str
    label: str
    value: str
    choices: tuple[str, ...] = ()
    source: str = ""
    number: bool = False


class Unknown(Struct, frozen=True):
    """A filter whose value nothing is called by, with the nearest that are there and their addresses."""

    label: str
    value: str
    nearest: tuple[Chip, ...]


def controls_of(page: Page, scope: Scope) -> dict[str, object]:
    """What `controls.html` draws."""
    said = _said(scope)
    return {
        "ranges": [*RANGES.items(), (CUSTOM, CUSTOM)],
        "filters": [_filter(name, scope, said) for name in page.filters],
        "further": [_filter(name, scope, said) for name in page.further],
        "further_used": any(scope.word(name) for name in page.further),
        # What has no control here stays in the address when another filter is chosen.
        "kept": [chip for chip in scope.filters if chip.label not in (*page.filters, *page.further)],
        "chips": [(replace(chip, value=said[chip.label]), chip.label in scope.unused) for chip in scope.filters],
        "unknown": _unknown(page, scope, said),
    }


def _said(scope: Scope) -> dict[str, str]:
    """The filters in use as they are read: a key by its name where the address has its number."""
    said = {chip.label: chip.value for chip in scope.filters}
    if (key := scope.key_id) is not None and said["key"].isdecimal():
        said["key"] = scope.ask(key_label, key, scope.sight) or said["key"]
    return said


def _filter(name: str, scope: Scope, said: dict[str, str]) -> Filter:
    value, label = said.get(name, ""), named(name).capitalize() + (f", {UNITS[name]}" if name in UNITS else "")
    choices = _listed(name, scope)
    if not choices:
        return Filter(name, label, value, source=_source(name), number=name in BOUNDS)
    return Filter(name, label, value, choices if not value or value in choices else (value, *choices))


def _source(name: str) -> str:
    """Where values that fit are found; empty: a tag is whatever callers send."""
    return reverse("dashboard:choices", args=[name]) if name in OFFERED else ""


def _listed(name: str, scope: Scope) -> tuple[str, ...]:
    """All values of a filter that has few; none where they are looked for."""
    if name in CHOSEN:
        return CHOSEN[name]
    return tuple(scope.tenants.values()) if name == "tenant" and len(scope.tenants) <= SHORT else ()


def _unknown(page: Page, scope: Scope, said: dict[str, str]) -> list[Unknown]:
    """What to say of filters by a name that nobody has: one query for all of them, and two for each such name."""
    looked = {word: said[word] for word in page.filters if word in OFFERED and said.get(word, NOBODY) != NOBODY}
    known = words_known(looked)
    if "tenant" in looked and looked["tenant"] in scope.tenants.values():
        known.add("tenant")
    if "key" in looked and not looked["key"].isdecimal() and scope.key_id != NO_SUCH:
        known.add("key")
    if is_error_class(looked.get("error", "")):
        known.add("error")
    return [_nearest(word, value, scope) for word, value in looked.items() if word not in known]


def _nearest(word: str, value: str, scope: Scope) -> Unknown:
    held = offered(word, value, scope)[:NEAREST]
    found = [choice.value for choice in held or nearly(word, value, scope)]
    return Unknown(word, value, tuple(Chip(word, near, scope.here(**{word: near})) for near in found))
