"""Do the last day's figures of money hold together? What does not is said on the admin's overview."""

from datetime import timedelta
from typing import Any

import msgspec
from django.utils import timezone

from profiling.jobs.base import JobKind, Progress, Run
from profiling.selectors import calibrated_since
from usage.ranges import TimeRange
from usage.selectors.sanity import money_sanity


class MoneySanity(JobKind):
    """Looks for tokens without cost, streams that cost otherwise, and estimates that are far off."""

    name = "money_sanity"
    label = "Check the figures of money"
    every = timedelta(hours=1)

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        now = timezone.now()
        period = TimeRange.around(now - timedelta(days=1), now, now)
        found = money_sanity(period, calibrated_since(period.start))
        return {"findings": msgspec.to_builtins(found)}
