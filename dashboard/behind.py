"""Which requests stand behind a number? The address of their list: the range or a bucket of it, the same filters."""

from dashboard.outlooks import Outlook
from dashboard.ranges import CUSTOM
from dashboard.scope import Scope, instant
from usage.ranges import TimeRange
from usage.selectors.failures import ANY


def bucket_links(scope: Scope, **words: str) -> tuple[str, ...]:
    """The list for each bucket of the range, with `words` set."""
    return tuple(requests_within(scope, part, **words) for part in scope.period.buckets)


def failures_in(scope: Scope, part: TimeRange | None = None, error: str = "", deployment: str = "") -> str:
    """The requests with an attempt that failed so, in the range or in a part of it.

    Whatever narrows the attempts of the page narrows them: who served in the end is another matter.
    """
    parts = [scope.word(word) or ANY for word in ("provider", "model")]
    at = deployment or scope.word("deployment") or ("/".join(parts) if parts != [ANY, ANY] else "")
    borders = {} if part is None else _borders(part)
    return scope.link("requests", **borders, error=error, failed=at, provider="", model="")


def requests_within(scope: Scope, part: TimeRange, **words: str) -> str:
    """The list for a part of the range, with `words` set."""
    return scope.link("requests", **(_borders(part) | words))


def requests_served(scope: Scope) -> str:
    """The list of the range, where the page is narrowed to a deployment of what that served."""
    return scope.link("requests", deployment=scope.word("deployment"))


def requests_of_budget(scope: Scope, one: Outlook) -> str:
    """Those of its window that it counts: of its tenant, its key and its tag."""
    state = one.state
    words = {"range": CUSTOM, "from": instant(one.starts), "to": "", "tz": state.zone}
    key = "" if state.key_id is None else str(state.key_id)
    return scope.link("requests", **words, tenant=state.tenant, key=key, tag=state.tag)


def _borders(part: TimeRange) -> dict[str, str]:
    return {"range": CUSTOM, "from": instant(part.start), "to": instant(part.end)}
