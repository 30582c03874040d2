"""How do people try a provider without waiting for it in a page? A job does it, and its row has what came of it."""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from django.db import transaction
from msgspec import Struct

from profiling.hints import ask_for
from profiling.jobs.provider_test import Listing, ProviderTest, Wish
from profiling.models import Job
from providers import audit
from providers.models import Provider

SOON: Final = timedelta(seconds=15)  # by then a worker has begun, if one runs


class Tried(Struct, frozen=True):
    """A test and how far it is. `late`: nobody took it up in time; `problem`: why it could not run."""

    wish: Wish
    waits: bool
    late: bool
    problem: str
    listings: tuple[Listing, ...]


def ask_for_test(provider: Provider, model: str, actor: audit.Actor, reason: str, now: datetime) -> int:
    """Queue a test of its own, with its audit row; return the id by which `tried` finds it."""
    window = f"{now:%Y-%m-%dT%H:%M:%S.%fZ} {provider.pk}"
    with transaction.atomic():
        ask_for(ProviderTest.name, now, window, msgspec.to_builtins(Wish(provider.pk, model)))
        audit.record(actor, "tested", provider, {}, reason)
        return Job.objects.get(kind=ProviderTest.name, window=window).pk


def tried(number: int, now: datetime) -> Tried | None:
    """The test of this id; None: there is none, or it is older than its rows are kept."""
    row = Job.objects.filter(kind=ProviderTest.name, pk=number).first()
    if row is None:
        return None
    waits = row.state in (Job.State.QUEUED, Job.State.RUNNING)
    return Tried(
        wish=msgspec.convert(row.order, Wish),
        waits=waits,
        late=row.state == Job.State.QUEUED and now - row.created_at > SOON,
        problem=row.message if row.state == Job.State.FAILED else "",
        listings=msgspec.convert((row.result or {}).get("listings", []), tuple[Listing, ...]),
    )
