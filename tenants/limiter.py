"""Where this installation counts requests: in the process, or in Redis when several workers share it."""

from django.conf import settings

from tenants.admission import RateLimiter
from tenants.leasedslots import LeasedSlots
from tenants.leases import LeasedWindows
from tenants.limits import LocalWindows
from tenants.redislink import RedisLink
from tenants.slots import LocalSlots


def new_limiter() -> RateLimiter:
    """A limiter as the settings REDIS_URL and RATE_LIMIT_FAIL_OPEN say; one per process, for any event loop."""
    if not settings.REDIS_URL:
        return RateLimiter(LocalWindows(), LocalSlots())
    fail_open: bool = settings.RATE_LIMIT_FAIL_OPEN
    otherwise = "limits: each worker counts by itself" if fail_open else "limits: callers that have some are refused"
    link, prefix = RedisLink(settings.REDIS_URL, otherwise), settings.REDIS_PREFIX
    return RateLimiter(
        LeasedWindows(link, fail_open=fail_open, prefix=f"{prefix}:rate:"),
        LeasedSlots(link, fail_open=fail_open, prefix=f"{prefix}:running:"),
    )
