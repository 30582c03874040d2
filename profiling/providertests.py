"""How do people try a provider without waiting for it in a page? A job does it, and its row has what came of it."""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from django.db import transaction
from msgspec import Struct

from profiling.hints import ask_for
from profiling.jobs.provider_test import Added, Listing, ProviderTest, Wish
from profiling.models import Job
from providers import audit
from providers.adapters.base import ListedModel
from providers.models import Provider

SHARED: Final = timedelta(seconds=30)
SOON: Final = timedelta(seconds=15)  # by then a worker has begun, if one runs


class Tried(Struct, frozen=True):
    """A test and how far it is. `waiting`: why there is no result yet; `problem`: why it could not run. `kept`: what is
    listed, where the wish was to keep it; None: nothing was."""

    wish: Wish
    waiting: str
    problem: str
    listings: tuple[Listing, ...]
    added: Added | None
    kept: tuple[ListedModel, ...] | None
    at: datetime | None


def ask_for_test(
    provider: Provider, model: str, actor: audit.Actor, reason: str, now: datetime, *, adds: bool = False
) -> int:
    """Queue a test of its own, with its audit row; return the id by which `tried` finds it. `adds`: what is listed is
    added, too."""
    with transaction.atomic():
        audit.record(actor, "tested", provider, {}, reason)
        return _queued(_own_window(provider, now), now, Wish(provider.pk, model, actor if adds else None))


def ask_for_listing(provider: Provider, actor: audit.Actor, reason: str, now: datetime) -> int:
    """Queue a test that keeps what the provider lists, for somebody to choose from; return its id."""
    with transaction.atomic():
        audit.record(actor, "listed models", provider, {}, reason)
        return _queued(_own_window(provider, now), now, Wish(provider.pk, keeps=True))


def shared_test(provider: Provider, now: datetime) -> int:
    """The id of a test of the provider as it is, at most `SHARED` old, else of a new one: a page that tests by itself
    and is opened often calls nobody often. Nobody asked for it, so that no audit row says who did."""
    begins = f"shared {provider.pk} {provider.updated_at:%y%m%dT%H%M%S.%f}"
    found = Job.objects.filter(kind=ProviderTest.name, window__startswith=begins, created_at__gt=now - SHARED)
    row = found.first()
    return row.pk if row else _queued(f"{begins} {now:%y%m%dT%H%M%S.%f}", now, Wish(provider.pk))


def tried(number: int, now: datetime) -> Tried | None:
    """The test of this id; None: there is none, or it is older than its rows are kept."""
    row = Job.objects.filter(kind=ProviderTest.name, pk=number).first()
    if row is None:
        return None
    result = row.result or {}
    return Tried(
        wish=msgspec.convert(row.order, Wish),
        waiting=_waiting(row, now),
        problem=row.message if row.state == Job.State.FAILED else "",
        listings=msgspec.convert(result.get("listings", []), tuple[Listing, ...]),
        added=msgspec.convert(result.get("added"), Added | None),
        kept=msgspec.convert(result.get("kept"), tuple[ListedModel, ...] | None),
        at=row.finished_at,
    )


def _own_window(provider: Provider, now: datetime) -> str:
    return f"{now:%Y-%m-%dT%H:%M:%S.%fZ} {provider.pk}"


def _waiting(row: Job, now: datetime) -> str:
    if row.state == Job.State.RUNNING:
        return "A worker lists the models with each key" + (f": {row.message}." if row.message else "…")
    if row.state != Job.State.QUEUED:
        return ""
    if now - row.created_at > SOON:
        return "No worker has taken it up yet: does one run? It waits for one."
    return "A worker lists the models with each key…"


def _queued(window: str, now: datetime, wish: Wish) -> int:
    ask_for(ProviderTest.name, now, window, msgspec.to_builtins(wish))
    return Job.objects.get(kind=ProviderTest.name, window=window).pk
