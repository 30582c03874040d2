"""Which controls stand above a page? The range, the filters with their choices, and a chip for each filter in use."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from dashboard.pages import Page
from dashboard.ranges import CUSTOM, PRESETS
from dashboard.scope import FILTERS, Scope
from providers.selectors import model_names, provider_names
from routing.selectors import policy_names
from tenants.selectors import tenant_names

STATUSES = ("answered", "failover", "failed", "rejected", "cancelled", "interrupted")
MOST_CHOICES = 500  # more than that nobody finds in a list; the address still takes any name


class Filter(Struct, frozen=True):
    """One select: its word in the address, its label, what stands in it."""

    name: str
    label: str
    value: str
    choices: tuple[str, ...]


class Chip(Struct, frozen=True):
    """A filter in use, with the address of the page without it."""

    label: str
    value: str
    address: str


CHOICES: Mapping[str, Callable[[], list[str]]] = {
    "tenant": lambda: list(tenant_names().values()),
    "provider": provider_names,
    "model": model_names,
    "policy": policy_names,
    "status": lambda: list(STATUSES),
}


def controls_of(page: Page, scope: Scope) -> dict[str, object]:
    """What `controls.html` draws."""
    return {
        "ranges": [*PRESETS, CUSTOM],
        "filters": [_filter(name, scope) for name in page.filters],
        "chips": [Chip(name, scope.word(name), scope.here(**{name: ""})) for name in FILTERS if scope.word(name)],
    }


def _filter(name: str, scope: Scope) -> Filter:
    value, choices = scope.word(name), CHOICES[name]()[:MOST_CHOICES]
    if value and value not in choices:
        choices = [value, *choices]
    return Filter(name, name.capitalize(), value, tuple(choices))
