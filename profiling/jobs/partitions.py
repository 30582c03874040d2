"""Make the months ahead into which the records of requests will fall."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from profiling.jobs.base import JobKind, Progress, Run
from usage import partitions


class Partitions(JobKind):
    """Makes the partitions of the coming three months, where the database has partitions."""

    name = "partitions"
    label = "Make partitions ahead"
    every = timedelta(hours=12)

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        now = timezone.now()
        return {"made": partitions.ensure_ahead(now), "months_ahead": partitions.remaining(now)}
