"""What needs a person? The notices of every app, for the dashboard and the admin's overview alike."""

from datetime import datetime

from profiling import attention as jobs
from providers import attention as upstreams
from providers.attention import Notice
from routing import attention as health
from routing.resilience.report import HealthReport
from tenants import attention as access
from tenants.sight import Sight


def notices(now: datetime, report: HealthReport | None, sight: Sight = None) -> list[Notice]:
    """All of them; `report` is what this process knows of the upstreams' health, None where it serves nobody.

    Who sees some tenants is told of those, and of no job: what jobs find counts the requests of all.
    """
    of_jobs = jobs.notices(now) if sight is None else ()
    return [*refused(report), *upstreams.notices(), *access.notices(now, sight), *of_jobs]


def refused(report: HealthReport | None) -> list[Notice]:
    """Those that need no query."""
    return list(health.notices_of(report)) if report is not None else []
