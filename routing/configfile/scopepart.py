"""The `allow` of a client key: what it may of what its tenant may, held against the names that there are."""

from functools import cached_property
from typing import Final

from msgspec import UnsetType, structs

from providers.models import Deployment, LanguageModel
from providers.reserved import AUTO, AUTO_COLON, is_auto
from routing.configfile import schema
from routing.configfile.changes import Changes
from routing.configfile.reading import nearest
from routing.configfile.schema import given
from routing.models import Policy
from routing.policybook import SHORT_NAMES
from tenants.callers import EVERYTHING, ROUTES, Scope

WILD: Final = frozenset("*?[")


class ScopeCheck:
    """Finds names in scopes that mean nothing; what there is, is read once for all keys."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    def check(self, path: str, allow: schema.KeyAllow) -> None:
        """A route or policy that is not there is a problem; a model may yet come, so it is a warning."""
        for place, name in _plain(f"{path}.allow.routes", allow.routes):
            if name not in ROUTES:
                self._changes.problem(place, f"no route is called {name}{nearest(name, ROUTES)}")
        for place, name in _plain(f"{path}.allow.policies", allow.policies):
            if name != AUTO and name.removeprefix(AUTO_COLON) not in self._policies:
                self._changes.problem(place, f"no policy is called {name}{nearest(name, self._policies)}")
        for place, name in _plain(f"{path}.allow.models", allow.models):
            if is_auto(name):
                self._changes.problem(place, f"{name} is no model but lets a policy decide: name it under policies")
            elif name not in self._models:
                self._changes.warn(place, f"{place}: no model is called {name} now{nearest(name, self._models)}")

    @cached_property
    def _policies(self) -> set[str]:
        return {*Policy.objects.values_list("name", flat=True), *SHORT_NAMES}

    @cached_property
    def _models(self) -> set[str]:
        """Models, and deployments as provider/model; by their aliases and upstream names as well."""
        found: set[str] = set()
        for name, aliases in LanguageModel.objects.values_list("name", "aliases"):
            found |= {name, *aliases}
        served = Deployment.objects.values_list("provider__name", "upstream_model", "model__name", "model__aliases")
        return found | {f"{one}/{name}" for one, *names, aliases in served for name in (*names, *aliases)}


def scope_of_key(allow: schema.KeyAllow) -> Scope:
    """The scope of a new key, just as the file has it."""
    return Scope(*(tuple(given(names, [])) for names in structs.astuple(allow)))


def columns_of(allow: schema.KeyAllow) -> list[tuple[str, str, object]]:
    """The lists of a key of the file, as `Changes.put` takes them."""
    return [(f"allow.{part}", f"allow_{part}", names) for part, names in structs.asdict(allow).items()]


def _plain(path: str, names: list[str] | UnsetType) -> list[tuple[str, str]]:
    """The names that are no patterns, each with its place."""
    every = enumerate(given(names, []))
    return [(f"{path}[{index}]", name) for index, name in every if name != EVERYTHING and not WILD & set(name)]
