"""Since which minute? Hours say about when it began; the minutes of that hour and the one before say exactly."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import takewhile
from operator import or_
from typing import Final, TypeVar

from django.db.models import Min, Q

from usage.ranges import TimeRange, keeps_minutes
from usage.rollups import ALL_KEYS, ALL_TENANTS, HOUR, MINUTE, RequestRollup
from usage.selectors.latency import slower_than
from usage.selectors.reliability import attempt_series
from usage.selectors.totals import series

T = TypeVar("T")
Counts = tuple[int, int]  # of a minute: those that were bad, and those that were judged
_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)


def onset(minutes: Sequence[Counts], line: float) -> int | None:
    """The place from which on more than the share `line` is bad; None where that is nowhere.

    It is where the sum of `bad - line * judged` from there to the end is largest: the change point of a cumulative sum
    (E. S. Page, Continuous Inspection Schemes, Biometrika 41, 1954). So one failure among many long before is not it.
    """
    best, place, total = 0.0, None, 0.0
    for at in range(len(minutes) - 1, -1, -1):
        bad, judged = minutes[at]
        total += bad - line * judged
        if total > best:
            best, place = total, at
    return place


def first_hour(hours: Sequence[TimeRange], course: Sequence[T], holds: Callable[[T], bool]) -> TimeRange:
    """The first of the hours in which it held without a break up to the last one, in which it does."""
    return hours[-max(len(list(takewhile(holds, reversed(course)))), 1)]


class Onsets:
    """When what lasts since a known hour began; one query for each hour in which anything did."""

    def __init__(self, line: float) -> None:
        self._line = line
        self._failed: dict[datetime, Mapping[str, Sequence[Counts]]] = {}

    def of_losses(self, hour: TimeRange) -> datetime:
        """Of requests that got no answer, whichever deployments they were at."""
        sums = series(_minutes(hour))
        return self._since(
            hour, [(one.failed + one.interrupted, one.requests - one.rejected - one.cancelled) for one in sums]
        )

    def of_failures(self, deployment: str, hour: TimeRange) -> datetime:
        """Of failed attempts at a deployment."""
        if hour.start not in self._failed:
            found = attempt_series(_minutes(hour))
            self._failed[hour.start] = {
                name: [(one.failed, one.answered + one.failed) for one in course] for name, course in found.items()
            }
        return self._since(hour, self._failed[hour.start].get(deployment, ()))

    def of_slowness(self, hours: Mapping[str, TimeRange], bounds_ms: Mapping[str, float]) -> dict[str, datetime]:
        """Of calls whose first token came later than the bound: of each deployment in `hours`, with its hour."""
        found: dict[str, datetime] = {}
        for hour in dict.fromkeys(hours.values()):
            bounds = {name: bounds_ms[name] for name, began in hours.items() if began == hour}
            counts = slower_than("attempt_ttft", _minutes(hour), bounds)
            found |= {name: self._since(hour, counts.get(name, ())) for name in bounds}
        return found

    def _since(self, hour: TimeRange, minutes: Sequence[Counts]) -> datetime:
        place = onset(minutes, self._line)
        return hour.start if place is None else hour.start - _HOUR + place * _MINUTE


def _minutes(hour: TimeRange) -> list[TimeRange]:
    """Of an hour and the one before it."""
    start = hour.start - _HOUR
    return [TimeRange(start + n * _MINUTE, start + (n + 1) * _MINUTE) for n in range(120)]


def unpriced_since(start: datetime, now: datetime) -> dict[str, datetime]:
    """When each deployment first worked at unknown cost from `start` on: to the minute as long as minutes are kept,
    before that to the hour. Two queries."""
    first = int(start.timestamp()) // HOUR * HOUR
    begun = _first_unpriced(Q(grain=HOUR, bucket__gte=first))
    fresh = {at for at in begun.values() if keeps_minutes(datetime.fromtimestamp(at, UTC), now)}
    within = [Q(grain=MINUTE, bucket__gte=at, bucket__lt=at + HOUR) for at in sorted(fresh)]
    minutes = _first_unpriced(reduce(or_, within)) if within else {}
    exact = {name: at for name, at in minutes.items() if at - at % HOUR == begun.get(name)}
    return {name: datetime.fromtimestamp(at, UTC) for name, at in (begun | exact).items()}


def _first_unpriced(within: Q) -> dict[str, int]:
    rows = RequestRollup.objects.filter(within, tenant_id=ALL_TENANTS, key_id=ALL_KEYS, unpriced__gt=0)
    found = rows.order_by().values("provider", "model").annotate(begun=Min("bucket"))
    return {f"{row['provider']}/{row['model']}".removesuffix("/"): row["begun"] for row in found}
