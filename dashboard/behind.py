"""Which requests stand behind a number? The address of their list: the range or a bucket of it, the same filters."""

from dashboard.ranges import CUSTOM
from dashboard.scope import Scope, instant
from usage.ranges import TimeRange
from usage.selectors.failures import ANY


def requests_in(scope: Scope, position: int | None = None, **words: str) -> str:
    """The list for the range, or for one of its buckets, with `words` set."""
    return scope.link("requests", **(_edges(scope, position) | words))


def bucket_links(scope: Scope, **words: str) -> tuple[str, ...]:
    """`requests_in` of each bucket."""
    return tuple(requests_in(scope, position, **words) for position in range(len(scope.period.buckets)))


def failures_in(scope: Scope, position: int | None = None, error: str = "", deployment: str = "") -> str:
    """The requests with an attempt that failed so, in the range or in one of its buckets.

    Whatever narrows the attempts of the page narrows them: who served in the end is another matter.
    """
    parts = [scope.word(word) or ANY for word in ("provider", "model")]
    at = deployment or scope.word("deployment") or ("/".join(parts) if parts != [ANY, ANY] else "")
    return requests_in(scope, position, error=error, failed=at, provider="", model="")


def requests_within(scope: Scope, part: TimeRange, **words: str) -> str:
    """The list for a part of the range, with `words` set."""
    return scope.link("requests", **(_borders(part) | words))


def _edges(scope: Scope, position: int | None) -> dict[str, str]:
    return {} if position is None else _borders(scope.period.buckets[position])


def _borders(part: TimeRange) -> dict[str, str]:
    return {"range": CUSTOM, "from": instant(part.start), "to": instant(part.end)}
