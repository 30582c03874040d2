"""Make the sample traffic that somebody asked for."""

from typing import Any

from profiling.jobs.base import JobKind, Progress, Run
from routing.demo import standing
from routing.demo.filling import fill
from routing.demo.rows import tenant_of_sample


class Demo(JobKind):
    """Sends sample traffic through this installation to sandboxes, for the tenant `demo`; asked for on Get started."""

    name = standing.KIND
    label = "Sample traffic"
    lost = "The tenant demo has no sample traffic, or half of it: remove it on Get started, or make it anew."
    tries = 1  # it is asked for again by whoever wants it

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        tenant = tenant_of_sample()
        if tenant is None:
            return {"requests": 0}  # it was removed while this run waited
        return {"requests": fill(tenant, progress)}
