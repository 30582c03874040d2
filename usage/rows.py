"""How does an outcome become rows of the records, and a row an outcome again?"""

from collections.abc import Iterator
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec import Raw

from usage import ids
from usage.models import AttemptRecord, RequestRecord
from usage.outcomes import AttemptOutcome, Outcome

Row = tuple[Any, ...]

_SHAPED: Final = ("id", "tags", "warnings", "features", "decision")  # every other column is the field as it is
_PLAIN: Final = tuple(f.attname for f in RequestRecord._meta.concrete_fields if f.attname not in _SHAPED)
_ATTEMPT_PLAIN: Final = AttemptOutcome.__struct_fields__
_plain_of: Final = attrgetter(*_PLAIN)
_attempt_plain_of: Final = attrgetter(*_ATTEMPT_PLAIN)

REQUEST_COLUMNS: Final = _SHAPED + _PLAIN
ATTEMPT_COLUMNS: Final = ("id", "request_id", "tenant_id", *_ATTEMPT_PLAIN)


def request_row(outcome: Outcome) -> Row:
    """The values of `REQUEST_COLUMNS`."""
    return (
        outcome.id,
        _json(outcome.tags),
        _json(outcome.warnings),
        _text(outcome.features),
        _text(outcome.decision),
        *_plain_of(outcome),
    )


def attempt_rows(outcome: Outcome) -> Iterator[Row]:
    """The values of `ATTEMPT_COLUMNS`, attempt by attempt."""
    for attempt in outcome.attempts:
        own_id = ids.attempt_id(outcome.id, attempt.index)
        yield (own_id, outcome.id, outcome.tenant_id, *_attempt_plain_of(attempt))


def outcome_of(record: RequestRecord, attempts: list[AttemptRecord]) -> Outcome:
    """The outcome as it was journalled."""
    plain = {name: getattr(record, name) for name in _PLAIN}
    return Outcome(
        id=record.id.hex,
        tags=record.tags,
        warnings=record.warnings,
        features=_raw(record.features),
        decision=_raw(record.decision),
        attempts=[AttemptOutcome(*_attempt_plain_of(attempt)) for attempt in attempts],
        **plain,
    )


def _json(texts: list[str]) -> str:
    return msgspec.json.encode(texts).decode() if texts else "[]"


def _text(raw: Raw | None) -> str | None:
    return None if raw is None else bytes(raw).decode()


def _raw(text: str | None) -> Raw | None:
    return None if text is None else Raw(text.encode())
