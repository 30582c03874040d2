"""Job kinds: one file each in the `jobs` package of any app, found by discovery."""

from collections.abc import Mapping
from functools import cache

from django.apps import apps
from django.utils.module_loading import module_has_submodule

from neuroroute.plugins import discover
from profiling.jobs.base import JobKind


@cache
def job_kinds() -> Mapping[str, JobKind]:
    """Every job kind, one instance each, by its name."""
    packages = [f"{app.name}.jobs" for app in apps.get_app_configs() if module_has_submodule(app.module, "jobs")]
    kinds = [cls for package in packages for cls in discover(package, JobKind).values()]
    found = {kind.name: kind() for kind in kinds}
    if len(found) < len(kinds):
        raise TypeError(f"two job kinds have the same name: {sorted(kind.name for kind in kinds)}")
    return found
