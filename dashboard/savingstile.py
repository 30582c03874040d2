"""What did routing save in the range, at a glance? As the page of savings counts it, against its usual baseline."""

from collections.abc import Sequence

from msgspec import Struct

from dashboard.drawing import area, sparkline
from dashboard.formatting import against, count, counted, money, percent, share_of
from dashboard.savings import DEAREST, Saved, saved, total
from dashboard.scope import Scope


class Tile(Struct, frozen=True):
    """One figure; `points` draw its course, `address` leads to what is behind it, `caveat` says what it leaves out."""

    label: str
    text: str
    exact: str
    note: str
    points: str
    address: str
    caveat: str = ""
    before: str = ""  # the figure of the period before, where the note says how it changed

    @property
    def area(self) -> str:
        return area(self.points)


def savings_tile(scope: Scope) -> Tile:
    """One question for the range and the period before it. Unknown is a dash."""
    period = scope.period
    asked = (period.before, *period.course)
    before, *buckets = scope.ask(saved, asked, scope.entities, DEAREST, period.now)[()]
    now = total(buckets)
    return Tile(
        label="Savings",
        text=money(now.saved if now.requests or not now.answered else None, estimated=bool(now.estimated)),
        exact=_exact(now),
        note=_note(now, before, scope.compares),
        before=_before(before) if scope.compares else "",
        points=_course(buckets),
        address=scope.link("savings"),
        caveat=f"{count(now.answered - now.requests)} of {count(now.answered)} not compared" if _left_out(now) else "",
    )


def _left_out(now: Saved) -> bool:
    return 0 < now.requests < now.answered


def _exact(now: Saved) -> str:
    if not now.requests:
        return "no request was compared with the dearest of its eligible candidates"
    return (
        f"{percent(share_of(now.saved, now.baseline))} of {money(now.baseline)} at the dearest eligible candidates, "
        f"over {counted(now.requests, 'request')}"
    )


def _note(now: Saved, before: Saved, compares: bool) -> str:
    if not now.answered:
        return "nothing answered"
    if not now.requests:
        return "nothing to compare with"
    if not compares:
        return ""
    return against(now.saved, before.saved if before.requests else None, before.answered, money)


def _before(before: Saved) -> str:
    return f"before: {money(before.saved)}" if before.requests else ""


def _course(buckets: Sequence[Saved]) -> str:
    """Saved in each bucket; a gap where requests came before baselines were kept."""
    return sparkline([None if part.earlier else part.saved for part in buckets])
