"""How do people ask for a local model to be loaded, unloaded or pinned? A job does it; the audit log has it at once."""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from django.db import transaction
from msgspec import Struct

from profiling.hints import ask_for
from profiling.models import Job
from providers import audit, residency
from providers.local_servers.base import Verb
from providers.models import Provider

KIND: Final = "local_model"
LATELY: Final = timedelta(minutes=15)  # how long it is told how an order ended
SHOWN: Final = 20
OVER: Final = (Job.State.DONE, Job.State.FAILED)


class Order(Struct, frozen=True):
    """What is to be done with which model of which server, in whose request."""

    verb: Verb
    provider: str
    model: str
    request_id: str = ""


class Ordered(Struct, frozen=True):
    """An order and how far it is; `problem` says why it failed, and `since` when it was given, or ended."""

    order: Order
    state: str
    since: datetime
    problem: str

    @property
    def open(self) -> bool:
        return self.state not in OVER


def give(verb: Verb, provider: Provider, model: str, actor: audit.Actor, reason: str, now: datetime) -> None:
    """Queue it, with its audit row; each order is a run of its own."""
    order = Order(verb, provider.name, model, audit.request_id())
    with transaction.atomic():
        ask_for(KIND, now, f"{now:%Y-%m-%dT%H:%M:%S.%fZ} {verb}", msgspec.to_builtins(order))
        residency.note(actor, verb, provider, model, reason)


def given(now: datetime) -> list[Ordered]:
    """The orders of the last minutes and those that still wait, the newest first, in one query."""
    rows = Job.objects.filter(kind=KIND, created_at__gt=now - LATELY).order_by("-id")[:SHOWN]
    return [
        Ordered(msgspec.convert(row.order, Order), row.state, row.finished_at or row.created_at, row.message)
        for row in rows
    ]
