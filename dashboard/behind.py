"""Which requests stand behind a number? The address of their list: the range or a bucket of it, the same filters."""

from dashboard.ranges import CUSTOM
from dashboard.scope import Scope, instant


def requests_in(scope: Scope, position: int | None = None, **words: str) -> str:
    """The list for the range, or for one of its buckets, with `words` set."""
    return scope.link("requests", **(_edges(scope, position) | words))


def bucket_links(scope: Scope, **words: str) -> tuple[str, ...]:
    """`requests_in` of each bucket."""
    return tuple(requests_in(scope, position, **words) for position in range(len(scope.period.buckets)))


def _edges(scope: Scope, position: int | None) -> dict[str, str]:
    if position is None:
        return {}
    bucket = scope.period.buckets[position]
    return {"range": CUSTOM, "from": instant(bucket.start), "to": instant(bucket.end)}
