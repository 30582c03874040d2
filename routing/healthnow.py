"""How are the upstreams now, as this process knows? For the pages of a web worker."""

from time import monotonic

from routing.resilience.report import HealthReport, health_report
from routing.runtime import runtime


def health_now() -> HealthReport | None:
    """All that is not well; None in a process that serves no requests, which learns nothing."""
    now = runtime()
    if not now.serves:
        return None
    return health_report(now.engine.health, now.catalog.current.targets, monotonic())
