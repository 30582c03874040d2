"""Job kinds: one file each, found by discovery."""

from collections.abc import Mapping
from functools import cache

from neuroroute.plugins import discover
from profiling.jobs.base import JobKind


@cache
def job_kinds() -> Mapping[str, JobKind]:
    """Every job kind, one instance each, by its name."""
    return {name: cls() for name, cls in discover("profiling.jobs", JobKind).items()}
