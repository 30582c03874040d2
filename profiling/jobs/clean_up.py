"""Remove what nobody needs any more: old records, job rows, samples and sessions."""

from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from profiling.jobs import job_kinds
from profiling.jobs.base import JobKind, Progress, Run
from profiling.models import GpuSample, Job, ModelStay
from tenants.delivering import forget_old
from usage.retention import prune

KEPT_SAMPLES: Final = timedelta(days=7)


class CleanUp(JobKind):
    """Removes records older than RECORDS_KEPT_DAYS; most jobs, samples of GPUs and stays of local models after a week;
    expired sessions."""

    name = "clean_up"
    label = "Clean up"
    every = timedelta(hours=6)

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        now = timezone.now()
        jobs = _remove_old_jobs(now)
        progress(0.2, "old jobs removed")
        samples, _ = GpuSample.objects.filter(taken_at__lt=now - KEPT_SAMPLES).delete()
        stays, _ = ModelStay.objects.filter(until__lt=now - KEPT_SAMPLES).delete()
        import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
        forget_old(now)
        progress(0.3, "old samples and sessions removed")
        pruned = prune(now, timedelta(days=settings.RECORDS_KEPT_DAYS))
        return {
            "jobs": jobs,
            "gpu_samples": samples,
            "model_stays": stays,
            "partitions": pruned.partitions,
            "records": pruned.records,
            "minute_sums": pruned.rollup_rows,
            "bodies": pruned.bodies,
        }


def _remove_old_jobs(now: datetime) -> int:
    """Runs that ended, as long ago as their kind says; of a kind that is gone, as others have it."""
    kinds = job_kinds()
    closed = Job.objects.filter(state__in=[Job.State.DONE, Job.State.FAILED])
    count, _ = closed.exclude(kind__in=kinds).filter(finished_at__lt=now - JobKind.kept).delete()
    return count + sum(
        closed.filter(kind=name, finished_at__lt=now - kind.kept).delete()[0] for name, kind in kinds.items()
    )
