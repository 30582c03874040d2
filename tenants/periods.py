"""When does a period begin and end? Days, weeks (from Monday) and months of a time zone, or all time. Pure."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct


class Period(StrEnum):
    """How long a budget lasts before it begins anew."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TOTAL = "total"

    @property
    def phrase(self) -> str:
        return "in total" if self is Period.TOTAL else f"per {self.value}"


class Span(Struct, frozen=True):
    """Seconds since the epoch; `end` is None where there is none."""

    start: int
    end: int | None

    def holds(self, now: float) -> bool:
        return self.start <= now and (self.end is None or now < self.end)

    @property
    def resets_at(self) -> str | None:
        """In UTC."""
        return None if self.end is None else datetime.fromtimestamp(self.end, UTC).isoformat()


ALWAYS = Span(0, None)


def span_of(period: Period, zone: str, now: float) -> Span:
    """The period that `now` (seconds since the epoch) falls into, by the clocks of `zone`."""
    if period is Period.TOTAL:
        return ALWAYS
    place = ZoneInfo(zone)
    today = datetime.fromtimestamp(now, place).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if period is Period.DAY:
        first, after = today, today + timedelta(days=1)
    elif period is Period.WEEK:
        first = today - timedelta(days=today.weekday())
        after = first + timedelta(days=7)
    else:
        first = today.replace(day=1)
        after = (first + timedelta(days=32)).replace(day=1)
    # Arithmetic on local times keeps midnight at midnight, also over a change of the clocks.
    return Span(int(first.timestamp()), int(after.timestamp()))
