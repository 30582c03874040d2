"""Which span of time does a page show? From the words of its address to a range, its buckets and their names."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from usage.ranges import TimeRange

DEFAULT = "24h"
CUSTOM = "custom"
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
PRESETS: Mapping[str, timedelta] = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}
MONTH, LAST_MONTH = "month", "last-month"  # by the calendar of the page's zone
RANGES: Mapping[str, str] = {name: name for name in PRESETS} | {MONTH: "this month", LAST_MONTH: "last month"}
BUCKETS: tuple[tuple[timedelta, str], ...] = (
    (MINUTE, "per minute"),
    (timedelta(minutes=5), "per 5 minutes"),
    (timedelta(minutes=15), "per 15 minutes"),
    (timedelta(hours=1), "per hour"),
    (timedelta(hours=6), "per 6 hours"),
    (DAY, "per day"),
    (timedelta(days=7), "per week"),
)
MOST_POINTS = 72
LONGEST = MOST_POINTS * BUCKETS[-1][0]  # as much as the longest bucket can draw
MINUTES_KEPT = timedelta(hours=70)  # older sums are kept per quarter of an hour


class Usual(Struct, frozen=True):
    """What an address without `range` or `tz` means to who opens it."""

    range: str = DEFAULT
    zone: str = "UTC"


class Period(Struct, frozen=True):
    """The range of a page, how its times are written, and whether it is still running."""

    name: str
    span: TimeRange
    zone: tzinfo
    zone_name: str
    now: datetime
    problem: str = ""  # what was wrong with the words, said on the page

    @property
    def start(self) -> datetime:
        return self.span.start

    @property
    def end(self) -> datetime:
        return self.span.end

    @property
    def bucket(self) -> tuple[timedelta, str]:
        """The length of a bucket and how it is said."""
        length = self.end - self.start
        kept = [b for b in BUCKETS if b[0] >= BUCKETS[2][0] or self.now - self.start < MINUTES_KEPT]
        return next((b for b in kept if length / b[0] <= MOST_POINTS), BUCKETS[-1])

    @property
    def buckets(self) -> tuple[TimeRange, ...]:
        return tuple(self.span.buckets(self.bucket[0], self.zone))

    @property
    def course(self) -> tuple[TimeRange, ...]:
        """The same for a line without an axis, whatever the zone, where they are days: those of UTC are kept, those of
        another zone are added up from hours, which takes a third of the time of Home."""
        return tuple(self.span.buckets(self.bucket[0])) if self.bucket[0] >= DAY else self.buckets

    @property
    def partial(self) -> tuple[int, ...]:
        """The buckets at the edges that the range cuts short, or that are not over."""
        buckets, whole = self.buckets, self.bucket[0]
        return tuple(
            place
            for place in sorted({0, len(buckets) - 1})
            if buckets[place].end - buckets[place].start < whole or buckets[place].end > self.now
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """One per bucket, in the zone of the page."""
        form = "%H:%M" if self.end - self.start <= DAY else "%-d %b %H:%M"
        form = "%-d %b" if self.bucket[0] >= DAY else form
        return tuple(bucket.start.astimezone(self.zone).strftime(form) for bucket in self.buckets)

    @property
    def before(self) -> TimeRange:
        """The range of the same length that ended where this one begins."""
        return TimeRange.around(self.start - (self.end - self.start), self.start, self.now)

    @property
    def buckets_before(self) -> tuple[TimeRange, ...]:
        """As many buckets, each as long before as the whole range is."""
        length = self.end - self.start
        edges = [bucket.start - length for bucket in self.buckets] + [self.start]
        return tuple(TimeRange.around(low, high, self.now) for low, high in pairwise(edges))

    @property
    def offset(self) -> str:
        """`UTC+05:30`, at the end of the period."""
        offset = self.end.astimezone(self.zone).strftime("%z")
        return "UTC" if offset == "+0000" else f"UTC{offset[:3]}:{offset[3:]}"


def period_of(words: Mapping[str, str], now: datetime, usual: Usual = Usual()) -> Period:  # noqa: B008 - frozen
    """Read `range`, `from`, `to` and `tz`; what cannot be read falls back to the default and says so.

    Instants without a `range` are a custom one.
    """
    zone, zone_name, problem = _zone(words.get("tz") or usual.zone)
    name = words.get("range") or (CUSTOM if words.get("from") or words.get("to") else usual.range)
    end = _whole_minute(now) + MINUTE  # the running minute belongs to it
    if name == CUSTOM:
        name, start, end, wrong = _custom(words, end, zone)
    else:
        known = name in RANGES
        wrong = "" if known else f"range={name!r} is not one of {', '.join([*RANGES, CUSTOM])}."
        name = name if known else DEFAULT
        start, end = _named(name, end, zone)
    return Period(
        name, TimeRange.around(start, end, now), zone, zone_name, now, " ".join(filter(None, (wrong, problem)))
    )


def _named(name: str, end: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    if name in PRESETS:
        return end - PRESETS[name], end
    # Of the minute that runs: in a month's last one its end belongs to the next month already.
    this = (end - MINUTE).astimezone(zone).replace(day=1, hour=0, minute=0, fold=0)
    if name == MONTH:
        return this, end
    return (this - DAY).replace(day=1), this


def _custom(words: Mapping[str, str], latest: datetime, zone: tzinfo) -> tuple[str, datetime, datetime, str]:
    start, end = _instant(words.get("from", ""), zone), _instant(words.get("to", ""), zone)
    end = min(end or latest, latest)
    if start is None or start >= end:
        wrong = "A custom range needs a start before its end, e.g. from=2026-11-20T08:00: the last 24h are shown."
        return DEFAULT, latest - PRESETS[DEFAULT], latest, wrong
    if end - start > LONGEST:
        return CUSTOM, end - LONGEST, end, f"Shown are the last {LONGEST.days} days of that range."
    return CUSTOM, start, end, ""


def _zone(name: str) -> tuple[tzinfo, str, str]:
    if not name or name == "UTC":
        return UTC, "UTC", ""
    try:
        return ZoneInfo(name), name, ""
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC, "UTC", f"tz={name!r} is not a time zone, e.g. Europe/Berlin: times are in UTC."


def _instant(text: str, zone: tzinfo) -> datetime | None:
    try:
        value = datetime.fromisoformat(text)
        return _whole_minute(value if value.tzinfo else value.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        return None


def _whole_minute(value: datetime) -> datetime:
    return value.astimezone(UTC).replace(second=0, microsecond=0)
