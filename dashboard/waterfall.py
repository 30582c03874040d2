"""Where did the time of a request go? Attempts, gaps and our own time on one axis; they sum to the total."""

from itertools import pairwise

from msgspec import Struct

from usage.outcomes import AttemptOutcome, Outcome

AXIS = 1000.0  # units across the drawing
THINNEST = 3.0  # so that a call that failed at once is still seen
TICKS = 5
KINDS = {"until the first byte": "wait", "until the first token": "think"}


class Piece(Struct, frozen=True):
    """A stretch of one attempt, in axis units."""

    kind: str  # wait, think, stream or bad: the class of its fill; cut: hatched
    name: str
    x: float
    width: float
    ms: float


class Bar(Struct, frozen=True):
    """One attempt."""

    attempt: AttemptOutcome
    pieces: tuple[Piece, ...]
    took_ms: float

    @property
    def cut(self) -> bool:
        """Whether it spoke and did not come to its end."""
        return any(piece.kind == "cut" for piece in self.pieces)


class Span(Struct, frozen=True):
    """A row of the table: what took how long."""

    name: str
    ms: float


class Waterfall(Struct, frozen=True):
    bars: tuple[Bar, ...]
    spans: tuple[Span, ...]
    total_ms: float
    commit: float | None  # axis units
    commit_ms: float | None
    ticks: tuple[float, ...]

    @property
    def cut(self) -> bool:
        return any(bar.cut for bar in self.bars)


def waterfall(record: Outcome) -> Waterfall:
    """Lay the attempts of a request out on one axis, with what lay between them."""
    total = max([record.total_ms, *(a.ended_ms for a in record.attempts)], default=0.0)
    scale = AXIS / total if total else 0.0
    committed = next((a for a in record.attempts if a.committed and a.first_token_ms is not None), None)
    commit_ms = committed.first_token_ms if committed else None
    return Waterfall(
        bars=tuple(_bar(attempt, scale) for attempt in record.attempts),
        spans=_spans(record.attempts, total),
        total_ms=total,
        commit=None if commit_ms is None else commit_ms * scale,
        commit_ms=commit_ms,
        ticks=tuple(total * i / (TICKS - 1) for i in range(TICKS)),
    )


def _bar(attempt: AttemptOutcome, scale: float) -> Bar:
    named = ((attempt.first_byte_ms, "until the first byte"), (attempt.first_token_ms, "until the first token"))
    marks = [(attempt.started_ms, "")] + [(at, name) for at, name in named if at is not None]
    marks.append((attempt.ended_ms, "answering" if attempt.first_token_ms is not None else "until the end"))
    pieces = []
    for (begin, _), (end, name) in pairwise(marks):
        kind = _kind(attempt, name)
        width = max(end - begin, 0.0)
        drawn = max(width * scale, THINNEST)
        pieces.append(Piece(kind, name, min(begin * scale, AXIS - drawn), drawn, width))
    return Bar(attempt, tuple(pieces), attempt.ended_ms - attempt.started_ms)


def _kind(attempt: AttemptOutcome, name: str) -> str:
    if attempt.status == "failed" and not (attempt.committed and name == "answering"):
        return "bad"
    if attempt.status != "answered" and name == "answering":
        return "cut"
    return KINDS.get(name, "stream")


def _spans(attempts: list[AttemptOutcome], total: float) -> tuple[Span, ...]:
    """Of attempts side by side, the later one counts from the end of the other."""
    spans: list[Span] = []
    at = 0.0
    for attempt in attempts:
        gap = "planning and our own work" if not spans else "between attempts"
        started = max(attempt.started_ms, at)
        ended = max(attempt.ended_ms, started)
        spans.append(Span(gap, started - at))
        spans.append(Span(f"attempt {attempt.index}: {attempt.deployment}", ended - started))
        at = ended
    spans.append(Span("after the last attempt" if attempts else "our own work", total - at))
    return tuple(spans)
