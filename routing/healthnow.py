"""How are the upstreams now, and by which configuration, as this process knows? For the pages of a web worker."""

from time import monotonic

from routing.resilience.report import HealthReport, health_report
from routing.runtime import runtime


def health_now() -> HealthReport | None:
    """All that is not well; None in a process that serves no requests, which learns nothing."""
    now = runtime()
    if not now.serves:
        return None
    return health_report(now.engine.health, now.catalog.current.targets, monotonic())


def serving_now() -> dict[str, int]:
    """The revision of each part of the configuration that this process serves; empty where it serves no requests."""
    now = runtime()
    return now.watcher.serving if now.serves else {}
