"""Which headers had the answer to a recorded request? Those that its record tells, made by what made them then."""

from typing import Final, Literal

import msgspec
from django.conf import settings
from msgspec import Struct, field
from msgspec.structs import replace

from providers.counting import CountRequest
from routing.api.headers import (
    EVENT_STREAM,
    JSON,
    RATE_NAMES,
    Headers,
    id_headers,
    story_headers,
    unknown_story_headers,
)
from routing.surfaces import surfaces
from usage.outcomes import Outcome

Kind = Literal["whole", "stream", "early", "error", "counted", "none"]
CLIENT_LEFT: Final = 499
LIMITS: Final = tuple(name.decode() for names in RATE_NAMES.values() for name in names)
WARNINGS: Final = "x-neuroroute-warnings"
OF_ERRORS: Final = ("retry-after", "x-should-retry")


class _Class(Struct):
    operation: str = ""


class _Decided(Struct):
    asked_class: _Class = field(default_factory=_Class, name="class")


_decided: Final = msgspec.json.Decoder(_Decided | None).decode


class AnswerHeaders(Struct, frozen=True):
    """The headers that we set on an answer.

    `answer`: a whole one; a stream; a stream that was opened before anybody had begun to answer (`early`); an error; an
    error or an estimate, where tokens were to be counted (`counted`); none, as the client had left.

    `unrecorded` of these and of the client's own are in no record: they may have been there.
    """

    answer: Kind
    headers: dict[str, str]
    unrecorded: tuple[str, ...]
    unrecorded_of_client: tuple[str, ...]


def answer_headers(record: Outcome) -> AnswerHeaders:
    """What follows from the record; a server's own headers, such as `date`, are not among them."""
    kind, headers = _kind(record), list[tuple[bytes, bytes]]()
    surface = surfaces().get(record.surface)
    if kind != "none":
        headers = _set(record, kind) + (surface.headers(record.id) if surface else [])
    passed = sorted(name.decode() for name in surface.passed_headers) if surface else []
    return AnswerHeaders(
        answer=kind,
        headers={name.decode(): value.decode() for name, value in headers},
        unrecorded=_unrecorded(record, kind),
        unrecorded_of_client=("idempotency-key", *passed),
    )


def _kind(record: Outcome) -> Kind:
    if record.stream and any(attempt.committed for attempt in record.attempts):
        # Its headers wait for the first content, but no longer than this.
        opened_early = (record.ttft_ms or 0) >= settings.STREAM_HEADERS_AFTER_S * 1000
        return "early" if opened_early else "stream"
    if record.status == "answered":
        return "whole"
    if record.http_status == CLIENT_LEFT:
        return "none"
    return "counted" if _operation(record) == CountRequest.operation else "error"


def _set(record: Outcome, kind: Kind) -> Headers:
    if kind == "counted":
        return [JSON]
    if kind == "error":
        return [JSON, *id_headers(record.id)]
    if kind == "early":
        return [*EVENT_STREAM, *unknown_story_headers(record.id, ())]
    if kind == "stream":
        begun = _as_it_began(record)
        return [*EVENT_STREAM, *story_headers(begun, (), begun.warnings)]
    return [JSON, *story_headers(record, (), record.warnings)]


def _as_it_began(record: Outcome) -> Outcome:
    """A stream's headers leave with its first content: what it cost is not known then, nor who went on with it."""
    number = _begun_by(record)
    attempts, warnings = record.attempts[:number], [] if _went_on(record) else record.warnings
    return replace(record, attempts=attempts, cost_nano_usd=None, warnings=warnings)


def _begun_by(record: Outcome) -> int:
    return next(place for place, attempt in enumerate(record.attempts, start=1) if attempt.committed)


def _went_on(record: Outcome) -> bool:
    """Whether another attempt went on with a stream: the record's warnings are of that one then."""
    return any(attempt.committed for attempt in record.attempts[_begun_by(record) :])


def _unrecorded(record: Outcome, kind: Kind) -> tuple[str, ...]:
    if kind == "none":
        return ()
    if kind in ("error", "counted"):
        return OF_ERRORS
    return (*LIMITS, WARNINGS) if kind == "stream" and _went_on(record) else LIMITS


def _operation(record: Outcome) -> str:
    decided = _decided(record.decision) if record.decision else None
    return decided.asked_class.operation if decided else ""
