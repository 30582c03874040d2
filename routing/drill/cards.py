"""How is a drill shown? Its scenarios with what came of them, beside the drill before it."""

from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct

from routing.drill import history
from routing.drill.scenario import scenarios
from routing.drill.scores import Score
from routing.models import DrillRun

SHOWN: Final = 10
Turn = Literal["", "better", "worse", "same"]


class Line(Struct, frozen=True):
    """A scenario on the card; `score` None: not over yet. `turn` is against `before`, empty where that is None."""

    name: str
    title: str
    means: str
    score: Score | None
    before: Score | None = None
    turn: Turn = ""


class Card(Struct, frozen=True):
    """One drill as the page shows it."""

    row: DrillRun
    state: str
    passed: int
    lines: list[Line]
    before: DrillRun | None = None

    @property
    def live(self) -> bool:
        return self.state in ("waits", "runs")

    @property
    def whole(self) -> bool:
        """Whether every scenario passed."""
        return self.passed == len(self.lines) > 0

    @property
    def over(self) -> int:
        return sum(line.score is not None for line in self.lines)

    @property
    def took_ms(self) -> float | None:
        if self.row.started_at is None or self.row.finished_at is None:
            return None
        return (self.row.finished_at - self.row.started_at).total_seconds() * 1000

    @property
    def better(self) -> int:
        return sum(line.turn == "better" for line in self.lines)

    @property
    def worse(self) -> int:
        return sum(line.turn == "worse" for line in self.lines)


def latest(now: datetime) -> list[Card]:
    """The newest drills, not compared with any."""
    return [card_of(row, now) for row in DrillRun.objects.all()[:SHOWN]]


def compared(row: DrillRun, now: datetime) -> Card:
    """A drill beside the last one before it that has scores."""
    earlier = DrillRun.objects.filter(pk__lt=row.pk, finished_at__isnull=False).exclude(scores=[]).first()
    return card_of(row, now, earlier)


def card_of(row: DrillRun, now: datetime, before: DrillRun | None = None) -> Card:
    """`before` is the drill to compare with."""
    known, found = scenarios(), {score.scenario: score for score in history.scores(row)}
    then = {score.scenario: score for score in history.scores(before)} if before else {}
    lines = [_line(name, found.get(name), known.get(name), then.get(name)) for name in row.scenarios]
    return Card(row, history.state(row, now), sum(score.passed for score in found.values()), lines, before)


def _line(name: str, score: Score | None, known: Any, before: Score | None) -> Line:
    """A scenario of an older version may be gone; its score still knows its title."""
    source = score or known
    turn = _turn(score, before)
    return Line(name, source.title if source else "", source.means if source else "", score, before, turn)


def _turn(score: Score | None, before: Score | None) -> Turn:
    if score is None or before is None:
        return ""
    if score.passed == before.passed:
        return "same"
    return "better" if score.passed else "worse"
