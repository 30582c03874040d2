"""Try whether a provider answers, because somebody asks for it: it may take seconds for each of its keys."""

from typing import Any

import msgspec
from msgspec import Struct

from profiling.jobs.base import JobKind, Progress, Run
from providers.models import Provider
from providers.probe import probe


class Wish(Struct, frozen=True):
    """Which provider, by id, and the name there of the model that is looked for; empty: of none."""

    provider: int
    model: str = ""


class Listing(Struct, frozen=True):
    """What one credential came to. `listed`: whether the model was among those listed; None: nothing was, or none
    was looked for."""

    credential: str
    ok: bool
    message: str
    elapsed_ms: float
    listed: bool | None = None


class ProviderTest(JobKind):
    """Lists a provider's models with each of its keys, as *Test connection* in admin does; once."""

    name = "provider_test"
    label = "Test a provider"
    by_order = True
    tries = 1
    lost = "Somebody waits for a test of a provider."

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        wish = msgspec.convert(run.order, Wish)
        found = []
        for one in probe(Provider.objects.get(pk=wish.provider)):
            listed = any(model.name == wish.model for model in one.models) if wish.model and one.ok else None
            found.append(Listing(one.credential, one.ok, one.message, one.elapsed_ms, listed))
        return {"listings": msgspec.to_builtins(found)}
