"""How is one act done to many rows? In chunks, each a transaction of its own with its audit rows.

All chunks have one request id. What was done stays when the act is interrupted, and doing it again does the rest: a
deed leaves rows alone that are as they should be. What is too much for one request goes to a job (`set_queue`).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import Model, QuerySet
from msgspec import Struct

from providers import audit, revisions

CHUNK: Final = 200  # rows of one transaction: others who write wait for it no longer than a second
AT_ONCE: Final = 1000  # rows that a request does itself
MOST: Final = 100_000  # rows of one act: a job keeps their ids
Note = Callable[[str, Model, audit.Changes], None]
Deed = Callable[[Any, Mapping[str, Any], Note], bool]  # the row, the wish, how to write its audit row; whether it did
Progress = Callable[[float, str], None]


class Order(Struct, frozen=True):
    """An act: what is done to which rows, by whom, and in which request. `model` is its label, `part` the part of the
    configuration that it moves."""

    deed: str
    model: str
    rows: list[int]
    actor: audit.Actor
    wish: dict[str, Any] = {}
    reason: str = ""
    part: str | None = None
    request_id: str = ""


class Queued(Struct, frozen=True):
    """The job that does an act: its name, its page, and the right that the page asks for."""

    name: str
    address: str
    right: str


class Done(Struct, frozen=True):
    """How many of the rows were changed; the others were as they should be. With `job`, that does it."""

    changed: int
    total: int
    job: Queued | None = None


class Stopped(Exception):
    """An act was interrupted; the message says how far it came."""

    def __init__(self, changed: int, looked: int, total: int, cause: Exception) -> None:
        super().__init__(
            f"Stopped after {looked:,} of {total:,} rows ({type(cause).__name__}): {changed:,} were changed and stay "
            "so. Do the same again: it does the rest."
        )
        self.changed, self.looked, self.total = changed, looked, total


class TooMany(Exception):
    """More rows than one act may have."""

    def __init__(self) -> None:
        super().__init__(f"Nothing was done: an act may have {MOST:,} rows at most. Filter the list first.")


Queue = Callable[[Order], Queued]
_deeds: dict[str, Deed] = {}
_queues: list[Queue] = []


def deed(name: str) -> Callable[[Deed], Deed]:
    """Register what can be done to a row; it must be the same when it is done twice."""

    def register(function: Deed) -> Deed:
        _deeds[name] = function
        return function

    return register


def set_queue(queue: Queue) -> None:
    """Say who does what is too much for one request."""
    _queues[:] = [queue]


def ids_of(rows: QuerySet[Any]) -> list[int]:
    """The ids of the chosen rows, in order; raises `TooMany`."""
    found = list(dict.fromkeys(rows.order_by("pk").values_list("pk", flat=True)[: MOST + 1]))
    if len(found) > MOST:
        raise TooMany
    return found


def act(order: Order, rows: QuerySet[Any], later: bool = True) -> Done:
    """Do it now, or queue it where it is too much and may be done `later`; raises `Stopped`."""
    if later and _queues and len(order.rows) > AT_ONCE:
        return Done(0, len(order.rows), _queues[0](order))
    return carry_out(order, rows)


def carry_out(order: Order, rows: QuerySet[Any], progress: Progress | None = None) -> Done:
    """Do it, chunk by chunk; `rows` finds the ids of the order, as far as they are still there. Raises `Stopped`."""
    changed, looked, total = 0, 0, len(order.rows)
    for chunk in _chunks(order.rows):
        try:
            changed += _chunk(order, rows.filter(pk__in=chunk))
        except (DatabaseError, InterfaceError) as exc:
            raise Stopped(changed, looked, total, exc) from exc
        looked += len(chunk)
        if progress is not None:
            progress(looked / total, f"{looked:,} of {total:,} rows, {changed:,} changed")
    return Done(changed, total)


def _chunks(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


def _chunk(order: Order, rows: QuerySet[Any]) -> int:
    """One transaction. Deeds without changes of columns, such as forgetting health, move no part."""
    moved = False

    def note(action: str, row: Model, changes: audit.Changes) -> None:
        nonlocal moved
        moved = moved or bool(changes)
        audit.record(order.actor, action, row, changes, order.reason)

    with transaction.atomic():
        done = sum(_deeds[order.deed](row, order.wish, note) for row in rows)
        if moved and order.part is not None:
            revisions.bump(order.part)
    return done


@deed("change")
def change(row: Any, wish: Mapping[str, Any], note: Note) -> bool:
    """Set columns; a wish that a job kept has its values as JSON has them."""
    before = audit.state(row)
    for name, value in wish.items():
        setattr(row, name, row._meta.get_field(name).to_python(value))
    changes = audit.difference(before, audit.state(row))
    if changes:
        row.save(update_fields=list(wish))
        note("changed", row, changes)
    return bool(changes)


@deed("delete")
def delete(row: Any, wish: Mapping[str, Any], note: Note) -> bool:
    """Delete it; its audit row comes first, as long as it has an id."""
    note("deleted", row, audit.difference(audit.state(row), None))
    row.delete()
    return True
