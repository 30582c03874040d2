"""Where this installation counts requests: in the process, or in Redis when several workers share it."""

from django.conf import settings

from tenants.leases import LeasedWindows
from tenants.limits import LocalWindows, RateLimiter


def new_limiter() -> RateLimiter:
    """A limiter as REDIS_URL and RATE_LIMIT_FAIL_OPEN say; one per process, usable from any event loop."""
    if settings.REDIS_URL:
        return RateLimiter(LeasedWindows(settings.REDIS_URL, fail_open=settings.RATE_LIMIT_FAIL_OPEN))
    return RateLimiter(LocalWindows())
