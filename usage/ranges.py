"""Which time does a question cover? Whole minutes, so that sums, lists and percentiles speak of the same requests.

Minutes are kept for three days; before that the finest sums are quarters of an hour. A range that begins or ends inside
one is widened to its edge: what is shown is true of the range that is shown.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Final
from uuid import UUID

from msgspec import Struct

from usage import ids
from usage.rollups import GRAINS, HOUR, MINUTE, MINUTES_KEPT_S, QUARTER

_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
# Pruning runs now and then, and a page takes its time: minutes count as kept an hour less long than they are.
_MINUTES_SURE: Final = timedelta(seconds=MINUTES_KEPT_S - HOUR)


class Span(Struct, frozen=True):
    """A run of buckets of one grain: `low` inclusive, `high` exclusive, seconds since the epoch."""

    grain: int
    low: int
    high: int


class TimeRange(Struct, frozen=True):
    """`[start, end)`, aware; make it with `around`."""

    start: datetime
    end: datetime

    @classmethod
    def around(cls, start: datetime, end: datetime, now: datetime) -> "TimeRange":
        """The narrowest range that holds `[start, end)` and that the rollups can answer."""
        low, high = int(start.timestamp()), -int(-end.timestamp() // 1)
        low -= low % _finest(start, now)
        high += -high % _finest(end, now)
        return cls.of(low, high)

    @classmethod
    def of(cls, low: int, high: int) -> "TimeRange":
        """Of seconds since the epoch, both multiples of a grain."""
        return cls(datetime.fromtimestamp(low, UTC), datetime.fromtimestamp(high, UTC))

    @property
    def seconds(self) -> tuple[int, int]:
        return int(self.start.timestamp()), int(self.end.timestamp())

    @property
    def id_bounds(self) -> tuple[UUID, UUID]:
        """The ids of the range's requests: first inclusive, last exclusive."""
        low, high = self.seconds
        return ids.first_id(low * 1000), ids.first_id(high * 1000)

    def cut(self, instants: Iterable[datetime], now: datetime) -> "list[TimeRange]":
        """Cut the range at these, each put back to the grain that is kept of its time."""
        seconds = (int(each.timestamp()) // _finest(each, now) * _finest(each, now) for each in instants)
        low, high = self.seconds
        edges = [low, *sorted({each for each in seconds if low < each < high}), high]
        return [TimeRange.of(start, end) for start, end in pairwise(edges)]

    def buckets(self, step: timedelta, zone: tzinfo = UTC) -> "list[TimeRange]":
        """Cut the range where `zone`'s clock shows a multiple of `step` since midnight, or its days or weeks begin.

        `step` is a part of a day (of quarters of an hour, where older than three days), a day or a week. The first and
        the last bucket may be cut short by the range; a day's last one by a change of the clocks.
        """
        inner = [border for border in _borders(self, step, zone) if self.start < border < self.end]
        edges = [self.start, *inner, self.end]
        return [TimeRange(low, high) for low, high in zip(edges, edges[1:], strict=False)]


def cover(low: int, high: int, grains: Sequence[int] = GRAINS) -> Iterator[Span]:
    """The fewest runs of buckets that make up `[low, high)`, both multiples of the finest grain."""
    if low >= high:
        return
    grain, finer = grains[0], grains[1:]
    first, last = low + -low % grain, high - high % grain
    if first >= last:
        yield from cover(low, high, finer)
        return
    yield from cover(low, first, finer)
    yield Span(grain, first, last)
    yield from cover(last, high, finer)


def keeps_minutes(instant: datetime, now: datetime) -> bool:
    """Whether sums by minutes are there from an instant on."""
    return now - instant < _MINUTES_SURE


def _finest(edge: datetime, now: datetime) -> int:
    return MINUTE if keeps_minutes(edge, now) else QUARTER


def _borders(period: TimeRange, step: timedelta, zone: tzinfo) -> Iterator[datetime]:
    midnight = period.start.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if step == _WEEK:
        midnight -= timedelta(days=midnight.weekday())
    # A day's length is a matter of the zone: adding to a local time keeps the clock's face, whatever the hours between.
    while midnight.astimezone(UTC) < period.end:
        following = midnight + max(step, _DAY)
        border, next_day = midnight.astimezone(UTC), following.astimezone(UTC)
        yield border
        while step < _DAY and (border := border + step) < next_day:
            yield border
        midnight = following
