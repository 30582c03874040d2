"""How quick and how reliable has each deployment been? Profiles from the sums of its attempts."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from profiling.jobs.base import JobKind, Progress, Run
from profiling.models import LatencyProfile
from profiling.selectors import EVIDENCE
from providers.revisions import bump
from providers.selectors import deployment_ids
from usage.selectors import Attempts, Percentiles, TimeRange, attempts, percentiles

SPANS_H: Final = (1, 24)
UNKNOWN: Final = Percentiles(None)


class LatencyProfiling(JobKind):
    """Measures TTFT, duration, speed and errors of each deployment over the last hour and day, for routing to read."""

    name = "latency_profile"
    label = "Profile latency"
    every = timedelta(minutes=5)

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        now = timezone.now()
        counts = {}
        for done, hours in enumerate(SPANS_H, start=1):
            counts[f"{hours} h"] = _profile(hours, now)
            progress(done / len(SPANS_H), f"the last {hours} h are measured")
        return {"profiles": counts}


def _profile(hours: int, now: datetime) -> int:
    """Replace the profiles of one span; return how many there are."""
    period = TimeRange.around(now - timedelta(hours=hours), now, now)
    ids = deployment_ids()
    ttft = {one.value: one for one in percentiles("attempt_ttft", period, "deployment")}
    total = {one.value: one for one in percentiles("attempt_total", period, "deployment")}
    rows = [
        _row(ids[seen.deployment], seen, ttft.get(seen.deployment, UNKNOWN), total.get(seen.deployment, UNKNOWN))
        for seen in attempts(period)
        if seen.deployment in ids
    ]
    _store(rows, hours, now)
    return len(rows)


def _row(deployment_id: int, seen: Attempts, ttft: Percentiles, total: Percentiles) -> LatencyProfile:
    return LatencyProfile(
        deployment_id=deployment_id,
        attempts=seen.attempts,
        answered=seen.answered,
        error_rate=seen.error_rate,
        ttft_p50_ms=ttft.p50,
        ttft_p95_ms=ttft.p95,
        total_p50_ms=total.p50,
        tokens_per_s=seen.tokens_per_s,
    )


@transaction.atomic
def _store(rows: list[LatencyProfile], hours: int, now: datetime) -> None:
    for row in rows:
        row.hours, row.measured_at = hours, now
    gone, _ = LatencyProfile.objects.filter(hours=hours).delete()
    LatencyProfile.objects.bulk_create(rows)
    if rows or gone:
        bump(EVIDENCE)
