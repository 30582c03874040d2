"""Try whether a provider answers, because somebody asks for it: it may take seconds for each of its keys."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from profiling.jobs.base import JobKind, Progress, Run
from providers import audit
from providers.adapters.base import ListedModel
from providers.importing import import_models, offers
from providers.models import Provider
from providers.probe import Probe, probe

MOST_NAMES: Final = 200  # an aggregator lists hundreds, and the row stays for a week


class Wish(Struct, frozen=True):
    """Which provider, by id, and the name there of the model that is looked for; empty: of none. `adds`: whose wish it
    is that a deployment is added for each that is listed; None: nobody's. `keeps`: the first listing that
    worked is kept whole."""

    provider: int
    model: str = ""
    adds: audit.Actor | None = None
    keeps: bool = False


class Added(Struct, frozen=True):
    """How many deployments were added, and how many of them switched off, as their models are not well known."""

    deployments: int
    off: int


class Listing(Struct, frozen=True):
    """What one credential came to. `listed`: whether the model was among those listed; None: nothing was, or none
    was looked for. `models` are the names of those listed, the first of many."""

    credential: str
    ok: bool
    message: str
    elapsed_ms: float
    listed: bool | None = None
    models: tuple[str, ...] = ()


class ProviderTest(JobKind):
    """Lists a provider's models with each of its keys; once."""

    name = "provider_test"
    label = "Test a provider"
    by_order = True
    tries = 1
    lost = "Somebody waits for a test of a provider."

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        wish = msgspec.convert(run.order, Wish)
        found, listed = [], None
        provider = Provider.objects.get(pk=wish.provider)
        for one in probe(provider, lambda done, total: progress(done / total, f"{done} of {total} done")):
            there = any(model.name == wish.model for model in one.models) if wish.model and one.ok else None
            found.append(Listing(one.credential, one.ok, one.message, one.elapsed_ms, there, _names(one)))
            listed = one.models if one.ok and listed is None else listed
        added = _add(provider, listed, wish.adds) if wish.adds and listed is not None else None
        kept = listed if wish.keeps else None
        return {name: msgspec.to_builtins(one) for name, one in (("listings", found), ("added", added), ("kept", kept))}


def _add(provider: Provider, listed: Sequence[ListedModel], actor: audit.Actor) -> Added:
    """All that chat or embed, as *Import models* in admin does it."""
    offered = offers(provider, listed)
    made = import_models(provider, offered, frozenset(one.model.upstream_model for one in offered), actor)
    return Added(len(made), sum(not model.enabled for model in made))


def _names(one: Probe) -> tuple[str, ...]:
    return tuple(model.name for model in one.models[:MOST_NAMES])
