"""Which requests stand behind a number? The address of their list: the range or a bucket of it, the same filters."""

from dashboard.ranges import CUSTOM
from dashboard.scope import Scope, instant
from usage.ranges import TimeRange


def requests_in(scope: Scope, position: int | None = None, **words: str) -> str:
    """The list for the range, or for one of its buckets, with `words` set."""
    return scope.link("requests", **(_edges(scope, position) | words))


def bucket_links(scope: Scope, **words: str) -> tuple[str, ...]:
    """`requests_in` of each bucket."""
    return tuple(requests_in(scope, position, **words) for position in range(len(scope.period.buckets)))


def requests_within(scope: Scope, part: TimeRange, **words: str) -> str:
    """The list for a part of the range, with `words` set."""
    return scope.link("requests", **(_borders(part) | words))


def _edges(scope: Scope, position: int | None) -> dict[str, str]:
    return {} if position is None else _borders(scope.period.buckets[position])


def _borders(part: TimeRange) -> dict[str, str]:
    return {"range": CUSTOM, "from": instant(part.start), "to": instant(part.end)}
