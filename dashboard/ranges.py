"""Which span of time does a page show? From the words of its address to two instants and a bucket."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

DEFAULT = "24h"
CUSTOM = "custom"
MINUTE = timedelta(minutes=1)
PRESETS: Mapping[str, timedelta] = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
BUCKETS: tuple[tuple[timedelta, str], ...] = (
    (MINUTE, "per minute"),
    (timedelta(minutes=5), "per 5 minutes"),
    (timedelta(hours=1), "per hour"),
    (timedelta(hours=6), "per 6 hours"),
    (timedelta(days=1), "per day"),
    (timedelta(days=7), "per week"),
)
MOST_POINTS = 120
LONGEST = timedelta(days=840)  # 120 weeks: as much as the longest bucket can draw


class Period(Struct, frozen=True):
    """`[start, end)` in UTC, whole minutes; `zone` is how its times are written."""

    name: str
    start: datetime
    end: datetime
    zone: tzinfo
    zone_name: str
    problem: str = ""  # what was wrong with the words, said on the page

    @property
    def bucket(self) -> timedelta:
        return self._bucket[0]

    @property
    def bucket_name(self) -> str:
        return self._bucket[1]

    @property
    def _bucket(self) -> tuple[timedelta, str]:
        span = self.end - self.start
        return next((b for b in BUCKETS if span / b[0] <= MOST_POINTS), BUCKETS[-1])

    @property
    def before(self) -> "Period":
        """The period of the same length that ended where this one begins."""
        return Period(self.name, self.start - (self.end - self.start), self.start, self.zone, self.zone_name)

    @property
    def offset(self) -> str:
        """`UTC+05:30`, at the end of the period."""
        offset = self.end.astimezone(self.zone).strftime("%z")
        return "UTC" if offset == "+0000" else f"UTC{offset[:3]}:{offset[3:]}"


def period_of(words: Mapping[str, str], now: datetime) -> Period:
    """Read `range`, `from`, `to` and `tz`; what cannot be read falls back to the default and says so."""
    zone, zone_name, problem = _zone(words.get("tz", ""))
    name = words.get("range") or DEFAULT
    end = _whole_minute(now) + MINUTE  # the running minute belongs to it
    if name in PRESETS:
        return Period(name, end - PRESETS[name], end, zone, zone_name, problem)
    if name != CUSTOM:
        problem = f"range={name!r} is not one of {', '.join([*PRESETS, CUSTOM])}: the last {DEFAULT} are shown."
        return Period(DEFAULT, end - PRESETS[DEFAULT], end, zone, zone_name, problem)
    return _custom(words, end, zone, zone_name, problem)


def _custom(words: Mapping[str, str], latest: datetime, zone: tzinfo, zone_name: str, problem: str) -> Period:
    start, until = _instant(words.get("from", ""), zone), _instant(words.get("to", ""), zone)
    until = until or latest
    if start is None or start >= until:
        problem = "A custom range needs a start before its end, e.g. from=2026-11-20T08:00: the last 24h are shown."
        return Period(DEFAULT, latest - PRESETS[DEFAULT], latest, zone, zone_name, problem)
    if until - start > LONGEST:
        start, problem = until - LONGEST, f"Shown are the last {LONGEST.days} days of that range."
    return Period(CUSTOM, start, until, zone, zone_name, problem)


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
