"""What did local servers have in memory, look after look? Kept as stays: what stays as it was takes no new row."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from msgspec import Struct

from profiling.models import ModelStay
from providers import revisions
from providers.local_servers.base import LocalModel
from providers.residency import Seen

RESIDENCY: Final = "residency"  # the part of `providers.revisions` that what gets into memory or out of it moves
BREAK: Final = timedelta(minutes=10)  # without a look; after it nothing is known to have gone on
EACH: Final = timedelta(minutes=1)  # from look to look
FRESH: Final = timedelta(minutes=3)  # how long the last look says what is in memory now
SERVER: Final = ""  # the model of a row that says that the server answered
LONGEST_NAME: Final = 300

Key = tuple[str, str]  # provider and model


def keep(seen: Iterable[Seen], now: datetime) -> int:
    """Keep one look at the local servers; return how many models got into memory, out of it, or changed."""
    with transaction.atomic():
        before = _open(now)
        grown: list[int] = []
        new: list[ModelStay] = []
        for server in seen:
            for stay in _stays(server, now):
                row = _goes_on(before, stay)
                if row is not None:
                    grown.append(row.pk)
                if row is None or _figures(row) != _figures(stay):
                    new.append(stay)
        ModelStay.objects.filter(pk__in=grown).update(until=now)
        ModelStay.objects.bulk_create(new)
        changes = len(new) + sum(row.pk not in grown for row in before.values() if _was_there(before, row))
        if changes:
            revisions.bump(RESIDENCY)
    return changes


def _open(now: datetime) -> dict[Key, ModelStay]:
    """The last stay of each model and server that may still go on."""
    rows = ModelStay.objects.filter(until__gte=now - BREAK, until__lte=now).order_by("until", "since")
    return {(row.provider, row.model): row for row in rows}


def _stays(server: Seen, now: datetime) -> list[ModelStay]:
    """What a look found; nothing where nobody answered."""
    if server.state is None:
        return []
    found = [ModelStay(provider=server.provider, model=SERVER, since=now, until=now)]
    return found + [_stay(server, model, now) for model in server.state.models if model.state == "loaded"]


def _stay(server: Seen, model: LocalModel, now: datetime) -> ModelStay:
    ours = server.ours.get(model.name)
    return ModelStay(
        provider=server.provider,
        model=model.name[:LONGEST_NAME],
        deployment_id=ours.pk if ours else None,
        vram_bytes=model.vram_bytes,
        size_bytes=model.size_bytes,
        since=now,
        until=now,
    )


def _goes_on(before: dict[Key, ModelStay], stay: ModelStay) -> ModelStay | None:
    """The stay that this one is a part of: it was there at the last look at its server."""
    row = before.get((stay.provider, stay.model))
    return row if row is not None and (row.model == SERVER or _was_there(before, row)) else None


def _was_there(before: dict[Key, ModelStay], row: ModelStay) -> bool:
    server = before.get((row.provider, SERVER))
    return server is not None and row.until == server.until


def _figures(row: ModelStay) -> tuple[int | None, ...]:
    return row.deployment_id, row.vram_bytes, row.size_bytes


class Residents(Struct, frozen=True):
    """Which deployments are in the memory of local servers, as the last look saw it. `looked_at`: by provider."""

    loaded: frozenset[int] = frozenset()  # deployment ids
    looked_at: dict[str, datetime] = {}
    read_at: datetime | None = None


def residents(now: datetime) -> Residents:
    """What is in memory now; of servers that have not answered for three minutes nothing is said. One query."""
    rows = list(ModelStay.objects.filter(until__gte=now - FRESH))
    looked_at = {row.provider: row.until for row in rows if row.model == SERVER}
    there = (row for row in rows if row.model != SERVER and row.until == looked_at.get(row.provider))
    return Residents(frozenset(row.deployment_id for row in there if row.deployment_id is not None), looked_at, now)


def look_again(known: Residents) -> datetime | None:
    """When what was read is worth reading again, though nothing has changed: the looks have gone on."""
    return known.read_at + EACH if known.read_at and known.looked_at else None
