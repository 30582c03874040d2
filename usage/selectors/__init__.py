"""What can be asked about what happened? Every question names its range; sums come from rollups, lists from records.

totals series series_by by spent_by unpriced used_since nearest   requests, tokens, money
percentiles percentile_series percentile_series_by        latency
percentile_week                                           latency by hour of the week
flow errors attempts attempt_series failure_series together
last_attempts state_series                                what failed, and what caught it
last_errors                                               the newest failure of each deployment
compared                                                  what answers would have cost elsewhere
page tops find begun_with served                               requests one by one
"""

from usage.ranges import TimeRange
from usage.selectors.compared import Compared, compared
from usage.selectors.lasterrors import LastError, last_errors
from usage.selectors.latency import (
    Metric,
    Percentiles,
    percentile_series,
    percentile_series_by,
    percentile_week,
    percentiles,
)
from usage.selectors.recent import LastAttempt, last_attempts, served
from usage.selectors.reliability import (
    Attempts,
    ErrorCount,
    Flow,
    attempt_series,
    attempts,
    errors,
    failure_series,
    flow,
    state_series,
    together,
)
from usage.selectors.requestfilter import RequestFilter
from usage.selectors.requests import Listed, Page, Top, begun_with, find, page, tops
from usage.selectors.totals import (
    Dimension,
    Entities,
    Group,
    Spend,
    Totals,
    Value,
    by,
    nearest,
    series,
    series_by,
    series_of_tags,
    spent_by,
    spent_by_few_tags,
    spent_series_by,
    tags_kept_since,
    totals,
    unpriced,
    used_since,
)
from usage.selectors.whose import Whose
from usage.selectors.window import WINDOW

__all__ = [
    "WINDOW",
    "Attempts",
    "Compared",
    "Dimension",
    "Entities",
    "ErrorCount",
    "Flow",
    "Group",
    "LastAttempt",
    "LastError",
    "Listed",
    "Metric",
    "Page",
    "Percentiles",
    "RequestFilter",
    "TimeRange",
    "Top",
    "Spend",
    "Totals",
    "Value",
    "Whose",
    "attempt_series",
    "attempts",
    "begun_with",
    "by",
    "compared",
    "errors",
    "failure_series",
    "find",
    "flow",
    "last_attempts",
    "last_errors",
    "nearest",
    "page",
    "percentile_series",
    "percentile_series_by",
    "percentile_week",
    "percentiles",
    "series",
    "series_by",
    "series_of_tags",
    "spent_by",
    "spent_by_few_tags",
    "spent_series_by",
    "state_series",
    "tags_kept_since",
    "together",
    "tops",
    "totals",
    "unpriced",
    "used_since",
    "served",
]
