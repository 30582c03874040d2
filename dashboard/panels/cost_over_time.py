"""Where does the money go, over time?"""

from datetime import datetime

from msgspec import Struct

from dashboard.accepted import By
from dashboard.charts import Chart
from dashboard.costs import cost_chart
from dashboard.groups import Tabs, chosen, tabs
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from usage.selectors import Entities, TimeRange, tags_kept_since, totals

GROUPS: tuple[By, ...] = ("model", "provider", "deployment", "tenant", "key", "policy", "tag")
OF_TAGS: tuple[By, ...] = ("tag", "tenant")


def groups_of(scope: Scope) -> tuple[By, ...]:
    """By what sums are kept under these filters: those of tags by tenant alone."""
    if scope.tag is not None:
        return OF_TAGS
    apart = any(scope.word(name) for name in ("key", "provider", "model", "policy"))
    return GROUPS[:-1] if apart else GROUPS


def group_of(scope: Scope) -> By:
    """The group of the address, where there are sums by it."""
    return chosen(scope, groups_of(scope))


class CostOverTime(Struct, frozen=True):
    tabs: Tabs
    chart: Chart | None
    shown: int
    groups: int
    hidden: int
    by_tag: bool = False
    tags_since: datetime | None = None  # sums by tag begin within the range, after requests


class CostOverTimePanel(Panel):
    """Cost per bucket by a group, and the period before as a dotted line unless `compare=off`."""

    name = "cost_over_time"
    title = "Where does the money go?"
    unit = "US dollars"
    page = "cost"
    order = 10
    help = "prices#prices"
    formula = (
        "Tokens as the provider counted them (else our estimate), at the price that stood when the request came. "
        "What has no price is not in the bars; the table below counts it."
    )
    counts = {}

    def groups(self, scope: Scope) -> tuple[By, ...]:
        return groups_of(scope)

    def data(self, scope: Scope) -> CostOverTime:
        drawn = cost_chart(self.name, scope, group_of(scope), before=scope.compares)
        by_tag = group_of(scope) == "tag" or scope.tag is not None
        since = _tags_since(scope) if by_tag else None
        return CostOverTime(
            tabs(scope, groups_of(scope)), drawn.chart, drawn.shown, drawn.groups, drawn.hidden, by_tag, since
        )


def _tags_since(scope: Scope) -> datetime | None:
    """When sums by tag begin, if requests of the range are older."""
    since, span = scope.ask(tags_kept_since), scope.period.span
    if since is not None and since <= span.start:
        return None
    end = min(since or span.end, span.end)
    before = TimeRange.around(span.start, end, scope.period.now)
    earlier = scope.ask(totals, before, Entities(scope.tenant_id))
    return end.astimezone(scope.period.zone) if earlier.requests else None
