"""Which models of the local servers are in memory now, what do they need, and who waits for them?"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, get_args

from msgspec import Struct

from dashboard.formatting import age
from dashboard.panels.base import Panel
from dashboard.residents import WHY_NOT, address_of, hindrance
from dashboard.scope import Scope
from dashboard.sorting import Key, Sorting, sorting
from dashboard.tables import Column, Table
from dashboard.verbs import Barred, Verb, barred
from profiling.localorders import Ordered, given
from providers.local_servers.base import LocalModel
from providers.local_servers.base import Verb as Deed
from providers.residency import RIGHT, Seen, look
from routing.inflight.asking import live
from routing.inflight.telling import Wanted
from usage.selectors import TimeRange
from usage.selectors.lastuse import last_served

SORTS: Final = ("name", "state", "vram", "estimated", "context", "last", "waiting")
LOADED: Final = "state"  # the usual order: what is in memory first
DEEDS: Final[tuple[Deed, ...]] = get_args(Deed)
USED_WITHIN: Final = timedelta(days=7)
WAITING: Final = frozenset({"queued", "waiting", "retrying", "failing over"})


class Row(Struct, frozen=True):
    """`leaves` is how long it stays, in words; `no_leaves` why that is not known."""

    model: LocalModel
    state: str  # a badge
    deployment: str  # ours; empty: none
    leaves: str
    no_leaves: str
    last_used: datetime | None
    waiting: int | None
    running: int | None
    verbs: tuple[Verb, ...]


class Server(Struct, frozen=True):
    seen: Seen
    rows: tuple[Row, ...]
    order: Sorting
    barred: tuple[Barred, ...]

    @property
    def in_memory(self) -> int:
        return sum(row.model.state != "unloaded" for row in self.rows)


class LocalModels(Struct, frozen=True):
    """`rest` is where the servers are asked, empty once they were; `again` where they are asked while a job runs."""

    servers: tuple[Server, ...]
    rest: str
    orders: tuple[Ordered, ...] = ()
    again: str = ""


class LocalModelsPanel(Panel):
    """One table per local server, asked at this moment: the page does not wait for them, the panel alone does."""

    name = "local_models"
    title = "Which models are in memory?"
    unit = "as each server says at this moment"
    page = "local"
    order = 10
    formula = (
        "Ollama, LM Studio and llama.cpp are asked in their own ways; what a server does not say is unknown. VRAM is "
        "the part of a model that is on the GPU: the rest is with the CPU, and slow. Estimated is the model's file and "
        "16-bit keys and values for its whole context, as loaded or, before that, as the deployment allows; "
        "the scratch memory of the computation is not in it. Where a server does not tell the model's layers it is the "
        "file alone, and at least that. Last used is the newest record of the last seven days. Waiting are requests "
        "that have been sent to it and wait for their first token, as the workers answer now."
    )

    def data(self, scope: Scope) -> LocalModels:
        address = scope.panel_address(self.name)
        if not scope.alone:
            return LocalModels((), address)
        found, orders = look(), tuple(given(scope.period.now))
        used = _used(found, scope)
        servers = tuple(_server(seen, used, orders, scope) for seen in found)
        return LocalModels(servers, "", orders, address if any(one.open for one in orders) else "")

    def table(self, data: LocalModels, scope: Scope) -> Table | None:
        heads = (
            "Server", "Model", "State", "VRAM, bytes", "In memory, bytes", "Estimated VRAM, bytes", "File, bytes",
            "Context, tokens", "Slots", "Busy", "Last used", "Leaves memory in", "Waiting", "Running",
        )  # fmt: skip
        rows = [
            (
                server.seen.provider, row.model.name, row.state, row.model.vram_bytes, row.model.size_bytes,
                row.model.estimated_bytes, row.model.weights_bytes, row.model.context, row.model.slots, row.model.busy,
                row.last_used, row.leaves or None, row.waiting, row.running,
            )
            for server in data.servers
            for row in server.rows
        ]  # fmt: skip
        return Table(tuple(map(Column, heads)), rows) if rows else None


def _used(found: Sequence[Seen], scope: Scope) -> dict[tuple[str, str], datetime]:
    now = scope.period.now
    names = [seen.provider for seen in found]
    return last_served(TimeRange.around(now - USED_WITHIN, now, now), names, scope.sight) if names else {}


def _server(seen: Seen, used: dict[tuple[str, str], datetime], orders: Sequence[Ordered], scope: Scope) -> Server:
    order = sorting(scope, SORTS, LOADED)
    if seen.state is None:
        return Server(seen, (), order, ())
    counts = _running(seen, scope)
    under_way = {one.order.model for one in orders if one.open and one.order.provider == seen.provider}
    rows = []
    for model in sorted(seen.state.models, key=lambda one: (one.state == "unloaded", one.name)):
        ours = seen.ours.get(model.name)
        last = used.get((seen.provider, ours.model.name)) if ours else None
        rows.append(
            Row(
                model=model,
                state="pinned" if model.stays else model.state,
                deployment=str(ours) if ours else "",
                leaves=_leaves(model, scope.period.now),
                no_leaves="" if model.state != "loaded" else f"{seen.label} does not say",
                last_used=last and last.astimezone(scope.period.zone),
                waiting=None if counts is None else counts.get(str(ours), (0, 0))[0],
                running=None if counts is None else counts.get(str(ours), (0, 0))[1],
                verbs=tuple(_verb(deed, seen, model, model.name in under_way, scope) for deed in DEEDS),
            )
        )
    rows = order.rows(rows, _key)
    return Server(seen, tuple(rows), order, barred(verb for row in rows for verb in row.verbs))


def _key(row: Row, by: str) -> Key:
    """What a column is sorted by."""
    keys: dict[str, Key] = {
        "name": row.model.name.casefold(),
        LOADED: row.model.state == "unloaded",
        "vram": row.model.vram_bytes,
        "estimated": row.model.estimated_bytes or row.model.weights_bytes,
        "context": row.model.context,
        "last": row.last_used.timestamp() if row.last_used else None,
        "waiting": row.waiting,
    }
    return keys[by]


def _running(seen: Seen, scope: Scope) -> dict[str, tuple[int, int]] | None:
    """Requests that wait for the first token, and that run at all, by deployment; None: not every worker answered."""
    found = live(scope.sight, Wanted(provider=seen.provider))
    if not found.whole or found.total > len(found.rows):
        return None
    counts: dict[str, tuple[int, int]] = {}
    for row in found.rows:
        if row.deployment:
            waiting, running = counts.get(row.deployment, (0, 0))
            counts[row.deployment] = waiting + (row.state in WAITING), running + 1
    return counts


def _leaves(model: LocalModel, now: datetime) -> str:
    """`4 m 20 s`, `stays`; empty: not known, or it is not there."""
    if model.stays:
        return "stays"
    if model.expires_at is None or model.stays is None:
        return ""
    until = datetime.fromisoformat(model.expires_at)
    return age((until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds() * 1000)


def _verb(deed: Deed, seen: Seen, model: LocalModel, under_way: bool, scope: Scope) -> Verb:
    label = deed.capitalize()
    why = hindrance(deed, seen, model)
    if not scope.may(RIGHT):
        why = WHY_NOT
    elif under_way and not why:
        why = "Something is being done to the model."
    return Verb(label, "" if why else address_of(deed, seen.provider, model.name), why, danger=deed == "unload")
