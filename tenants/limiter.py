"""Where this installation counts requests: in the process, or in Redis when several workers share it."""

from django.conf import settings

from tenants.admission import RateLimiter
from tenants.leases import LeasedWindows
from tenants.limits import LocalWindows


def new_limiter() -> RateLimiter:
    """A limiter as the settings REDIS_URL and RATE_LIMIT_FAIL_OPEN say; one per process, for any event loop."""
    if settings.REDIS_URL:
        prefix = f"{settings.REDIS_PREFIX}:rate:"
        return RateLimiter(LeasedWindows(settings.REDIS_URL, fail_open=settings.RATE_LIMIT_FAIL_OPEN, prefix=prefix))
    return RateLimiter(LocalWindows())
