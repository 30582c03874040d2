"""What did routing save in the range, at a glance? As the page of savings counts it, against its usual baseline."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from dashboard.drawing import area, sparkline
from dashboard.formatting import change, count, counted, money, percent, share_of
from dashboard.savings import DEAREST, Compared, Savings, savings
from dashboard.scope import Scope
from usage.selectors import TimeRange, Totals

READ: Final = 1000  # records that a tile reads, the period before among them


class Tile(Struct, frozen=True):
    """One figure; `points` draw its course, `address` leads to what is behind it."""

    label: str
    text: str
    exact: str
    note: str
    points: str
    address: str

    @property
    def area(self) -> str:
        return area(self.points)


def savings_tile(scope: Scope, now: Totals) -> Tile:
    """Dollars where every request of the range was read, else the share that the newest saved; unknown is a dash.

    One question for the range and the period before it, which is compared with where all of it was read, too.
    """
    period = scope.period
    both = TimeRange(period.before.start, period.span.end)
    found = scope.ask(savings, both, scope.entities, DEAREST, READ)
    here = _within(found, period.span)
    saved, baseline = sum(one.saved for one in here), sum(one.baseline for one in here)
    whole = found.read < READ or (found.oldest is not None and found.oldest < period.span.start)
    text = money(saved, estimated=True) if whole else f"≈ {percent(share_of(saved, baseline))}"
    return Tile(
        label="Savings",
        text=text if here else money(None),
        exact=_exact(here, saved, baseline),
        note=_note(found, here, now, whole, saved, scope.compares),
        points=_course(found, period.buckets, whole) if here else "",
        address=scope.link("savings"),
    )


def _exact(here: Sequence[Compared], saved: int, baseline: int) -> str:
    if not here:
        return "no request could be compared with the dearest of its eligible candidates"
    share = percent(share_of(saved, baseline))
    against = f"{money(baseline, estimated=True)} at the dearest eligible candidates"
    return f"{share} of {against}, over {counted(len(here), 'request')}"


def _note(found: Savings, here: Sequence[Compared], now: Totals, whole: bool, saved: int, compares: bool) -> str:
    """What the figure leaves out, else how it was before."""
    if not now.answered:
        return "nothing answered"
    if not here:
        return "nothing to compare with"
    if not whole:
        return f"the newest {count(found.read)} of {count(now.answered)} answered"
    if now.answered > len(here):
        return f"{count(now.answered - len(here))} of {count(now.answered)} not compared"
    if not compares:
        return ""
    before = sum(one.saved for one in found.compared) - saved
    return f"{change(saved, before)} on before" if found.read < READ and before > 0 else "no earlier data"


def _within(found: Savings, span: TimeRange) -> list[Compared]:
    return [one for one in found.compared if span.start <= one.request.started_at < span.end]


def _course(found: Savings, buckets: Sequence[TimeRange], whole: bool) -> str:
    """Saved in each bucket; a gap where not all was read."""
    sums, starts = [0] * len(buckets), [bucket.start for bucket in buckets]
    for one in _within(found, TimeRange(starts[0], buckets[-1].end)):
        sums[bisect_right(starts, one.request.started_at) - 1] += one.saved
    known = [whole or (found.oldest is not None and found.oldest <= start) for start in starts]
    return sparkline([each if told else None for each, told in zip(sums, known, strict=True)])
