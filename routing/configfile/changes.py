"""What applying a file does to the rows: each insert and update, in words for the operator and in the audit log."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Protocol

from django.db.models import Model
from msgspec import UnsetType

from providers import audit
from providers.models import Provider
from routing.configfile.reading import Document

SPELLED: Final = {"hard": {"hard": True, "soft": False}}  # what a column has, as the file writes it
SILENT: Final = frozenset({"headers"})  # a value that may be a secret is never repeated
Fields = Iterable[tuple[str, str, Any]]  # (the file's name, the column, the value or UNSET)


class Holder(Protocol):
    """Who has rights, and may lack some; both raise where they are lacking."""

    def require(self, *rights: str) -> None: ...

    def require_operator_key(self) -> None: ...


@dataclass(slots=True)
class Changes:
    """Collects what was changed, what is doubtful (`warnings`) and what is wrong (`problems`, by line).

    `holder` is whose rights are asked for; None: who has the server itself, and may everything.
    """

    document: Document
    actor: audit.Actor
    source: Provider.Source = Provider.Source.FILE  # of what is new
    reason: str = ""  # for the audit log
    holder: Holder | None = None
    lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)
    parts: set[str] = field(default_factory=set)
    keys: list[tuple[str, str]] = field(default_factory=list, repr=False)  # (tenant/name, the key that was made)

    def problem(self, path: str, text: str) -> None:
        self.problems.append((self.document.line(path), f"{path}: {text}"))

    def warn(self, path: str, text: str) -> None:
        self.warnings.append(f"line {self.document.line(path)}: {text}")

    def require(self, right: str) -> None:
        """What is done next takes a right of its own, whichever way it is asked for."""
        if self.holder is not None:
            self.holder.require(right)

    def require_operator_key(self) -> None:
        """What is done next gives somebody the value of a key of the operator API, or such a key its rights."""
        if self.holder is not None:
            self.holder.require_operator_key()

    def unique(self, path: str, names: Iterable[str]) -> bool:
        """Whether every name stands once in the list at `path`."""
        first: dict[str, int] = {}
        before = len(self.problems)
        for index, name in enumerate(names):
            other = first.setdefault(name, index)
            if other != index:
                line = self.document.line(f"{path}[{other}]")
                self.problem(f"{path}[{index}]", f"{name} already stands on line {line}")
        return len(self.problems) == before

    def put(self, part: str, row: Model, label: str, values: Fields) -> bool:
        """Insert a new row, or update one where `values` differ; whether anything was written."""
        new = row.pk is None
        wanted = [(name, column, value) for name, column, value in values if not isinstance(value, UnsetType)]
        if not new:
            wanted = [each for each in wanted if getattr(row, each[1]) != each[2]]
            if not wanted:
                return False
        words = [_words(name, None if new else getattr(row, column), value, new) for name, column, value in wanted]
        before = None if new else audit.state(row)
        for _name, column, value in wanted:
            setattr(row, column, value)
        row.save()
        self.note(part, row, label, words, before)
        return True

    def note(self, part: str, row: Model, label: str, words: list[str], before: audit.State | None) -> None:
        """Say that `row`, just written, was added (`before` is None) or changed."""
        self.parts.add(part)
        self.lines.append(f"{'+' if before is None else '~'} {label}" + (f": {', '.join(words)}" if words else ""))
        new = before is None
        changes = audit.added(row) if new else audit.difference(before, audit.state(row))
        audit.record(self.actor, "added" if new else "changed", row, changes, self.reason)


def _words(name: str, old: Any, new: Any, added: bool) -> str:
    spelled = SPELLED.get(name)
    if spelled is not None:
        old, new = spelled.get(old, old), spelled.get(new, new)
    if name in SILENT:
        return f"{name} given" if added else f"{name} changed"
    return f"{name} {shown(new)}" if added else f"{name} {shown(old)} -> {shown(new)}"


def shown(value: Any) -> str:
    """A value in the words of the file."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return str(value)
