"""Who changed which configuration, when, from where, and what it was before: the rows of the audit log."""

import os
import pwd
import socket
from datetime import tzinfo
from typing import Any, Final, Literal

from django.db.models import BinaryField, Field, Model
from django.dispatch import Signal
from msgspec import Struct
from structlog.contextvars import get_contextvars

from providers.models import AuditEntry

State = dict[str, Any]
Changes = dict[str, list[Any]]
SECRET_FIELDS: Final = frozenset({"ciphertext", "digest", "password"})
NOISE_FIELDS: Final = frozenset({"updated_at", "created_at", "date_changed", "last_login", "date_joined"})
HIDDEN: Final = "(secret)"
DERIVED: Final = frozenset({"digest", "prefix"})  # of what is made; nobody sets it
EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})
# Sent with `row`, `actor`, `action`, `changes` and `reason` in the write's own transaction: what must follow every
# change of a row, whoever makes it, hears of it here.
recorded: Final = Signal()


class Actor(Struct, frozen=True):
    """Who acts, and through which door."""

    name: str
    via: Literal["admin", "file", "api", "job", "command"]
    address: str | None = None


def record(actor: Actor, action: str, obj: Model, changes: Changes, reason: str = "") -> None:
    """Write one row in the caller's transaction: `action` is a verb, `changes` maps field -> [before, after]."""
    record_named(actor, action, str(obj._meta.verbose_name), str(obj), changes, reason, str(obj.pk or ""))
    recorded.send(sender=type(obj), row=obj, actor=actor, action=action, changes=changes, reason=reason)


def record_named(
    actor: Actor, action: str, kind: str, name: str, changes: Changes, reason: str = "", object_id: str = ""
) -> None:
    """The same about what is no row, such as the configuration as a whole."""
    AuditEntry.objects.create(
        actor=actor.name,
        via=actor.via,
        address=actor.address,
        action=action,
        kind=kind,
        object_id=object_id,
        object_name=name[:300],
        changes=changes,
        reason=reason[:500],
        request_id=request_id(),
    )


def request_id() -> str:
    """The request on whose behalf this code runs: one for all that it does; empty without one."""
    return str(get_contextvars().get("request_id", ""))[:40]


def latest(count: int) -> list[AuditEntry]:
    """The newest rows, to read."""
    return list(AuditEntry.objects.all()[:count])


def state(obj: Model) -> State:
    """The columns and many-to-many names of a saved row. Holds secrets: feed it to `difference` and drop it."""
    columns = {field.name: _value(obj, field) for field in _told(obj)}
    names = {field.name: sorted(map(str, getattr(obj, field.name).all())) for field in obj._meta.many_to_many}
    return columns | names


def difference(before: State | None, after: State | None) -> Changes:
    """Field -> [before, after] of what differs; None stands for a row that is not there; secrets are masked."""
    old, new = before or {}, after or {}
    return {name: _masked(name, old.get(name), new.get(name)) for name in old | new if old.get(name) != new.get(name)}


def added(obj: Model) -> Changes:
    """Field -> [None, value] of what was set of a new row: neither what has its usual value nor what is derived."""
    usual = {field.name: field.get_default() for field in _told(obj)}
    told = {name: value for name, value in state(obj).items() if name not in DERIVED and value not in EMPTY}
    return difference(None, {name: value for name, value in told.items() if value != usual.get(name)})


def at_console(via: Literal["file", "command"]) -> Actor:
    """Who runs a command: the account of the operating system, and who took it on by sudo, at which machine."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without a name
        name = f"uid {os.getuid()}"
    behind = os.environ.get("SUDO_USER", "")
    who = f"{behind} as {name}" if behind and behind != name else name
    return Actor(f"{who}@{socket.gethostname()}"[:150], via)


def _told(obj: Model) -> "list[Field[Any, Any]]":
    return [field for field in obj._meta.concrete_fields if not field.primary_key and field.name not in NOISE_FIELDS]


def _value(obj: Model, field: "Field[Any, Any]") -> Any:
    if field.is_relation:
        related = getattr(obj, field.name)
        return None if related is None else str(related)
    value = field.value_from_object(obj)
    if isinstance(value, tzinfo):  # of schedules; JSON has no zones
        return str(value)
    return bytes(value) if isinstance(field, BinaryField) and value is not None else value


def _masked(name: str, old: Any, new: Any) -> list[Any]:
    if name not in SECRET_FIELDS:
        return [old, new]
    return [HIDDEN if old else None, "changed" if old and new else HIDDEN if new else None]
