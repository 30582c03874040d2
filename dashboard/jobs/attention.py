"""Write down what needs somebody, for every page and process to read."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from dashboard.attention import check
from profiling.jobs.base import JobKind, Progress, Run


class Attention(JobKind):
    """Looks at traffic, budgets, keys, prices, jobs and GPUs for what needs somebody, and writes it on the board."""

    name = "attention"
    label = "Look for what needs somebody"
    every = timedelta(minutes=1)
    kept = timedelta(hours=1)
    tries = 1  # the next minute looks anew

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        return {"found": len(check(timezone.now()).notices)}
