"""Which controls stand above a page? The range, the filters with their choices, and a chip for each filter in use."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from dashboard.pages import Page
from dashboard.ranges import CUSTOM, RANGES
from dashboard.scope import Scope
from providers.selectors import model_names, provider_names, standings
from routing.selectors import policy_names

STATUSES = ("answered", "failover", "errors", "failed", "rejected", "cancelled", "interrupted", "unpriced")
MOST_CHOICES = 500  # more than that nobody finds in a list; the address still takes any name


class Filter(Struct, frozen=True):
    """One select: its word in the address, its label, what stands in it."""

    name: str
    label: str
    value: str
    choices: tuple[str, ...]


CHOICES: Mapping[str, Callable[[Scope], list[str]]] = {
    "tenant": lambda scope: list(scope.tenants.values()),
    "provider": lambda _: provider_names(),
    "model": lambda _: model_names(),
    "policy": lambda _: policy_names(),
    "deployment": lambda scope: sorted(scope.ask(standings)),
    "status": lambda _: list(STATUSES),
}


def controls_of(page: Page, scope: Scope) -> dict[str, object]:
    """What `controls.html` draws."""
    return {
        "ranges": [*RANGES.items(), (CUSTOM, CUSTOM)],
        "filters": [_filter(name, page, scope) for name in page.filters],
        # What has no select here stays in the address when another filter is chosen.
        "kept": [chip for chip in scope.filters if chip.label not in page.filters],
        "chips": [(chip, chip.label in page.ignores) for chip in scope.filters],
    }


def _filter(name: str, page: Page, scope: Scope) -> Filter:
    value, choices = scope.word(name), _choices(name, page, scope)[:MOST_CHOICES]
    if value and value not in choices:
        choices = [value, *choices]
    return Filter(name, name.capitalize(), value, tuple(choices))


def _choices(name: str, page: Page, scope: Scope) -> list[str]:
    """Where deployments are chosen among, their names say all that has any: one question instead of three."""
    if "deployment" not in page.filters or name not in ("provider", "model"):
        return CHOICES[name](scope)
    place = 0 if name == "provider" else 2
    return sorted({known.partition("/")[place] for known in scope.ask(standings)})
