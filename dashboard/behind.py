"""Which requests stand behind a number? The address of their list: the range or a bucket of it, the same filters."""

from datetime import UTC, datetime

from dashboard.ranges import CUSTOM
from dashboard.scope import Scope

FORM = "%Y-%m-%dT%H:%MZ"  # an instant, whatever zone the page has


def requests_in(scope: Scope, position: int | None = None, **words: str) -> str:
    """The list for the range, or for one of its buckets, with `words` set."""
    return scope.link("requests", **(_edges(scope, position) | words))


def bucket_links(scope: Scope, **words: str) -> tuple[str, ...]:
    """`requests_in` of each bucket."""
    return tuple(requests_in(scope, position, **words) for position in range(len(scope.period.buckets)))


def instant(when: datetime) -> str:
    """As the address writes it: whole minutes, in UTC."""
    return when.astimezone(UTC).strftime(FORM)


def _edges(scope: Scope, position: int | None) -> dict[str, str]:
    if position is None:
        return {}
    bucket = scope.period.buckets[position]
    return {"range": CUSTOM, "from": instant(bucket.start), "to": instant(bucket.end)}
