"""Where this installation counts requests: in the process, or, when several workers share them, in a file of the
machine's and in Redis."""

from pathlib import Path
from typing import Final

from django.conf import settings

from tenants.admission import RateLimiter
from tenants.hostslots import HostSlots
from tenants.hostwindows import HostWindows
from tenants.leasedslots import LeasedSlots
from tenants.leases import LeasedWindows
from tenants.limits import LocalWindows
from tenants.redislink import RedisLink
from tenants.slots import LocalSlots

COUNTS: Final = "limits"  # below VAR_DIR


def new_limiter() -> RateLimiter:
    """A limiter as the settings REDIS_URL, RATE_LIMIT_FAIL_OPEN and RATE_LIMIT_MACHINES say; one per process, for any
    event loop. Raises `OSError` where the disk has no room for the machine's counts."""
    if not settings.REDIS_URL:
        return RateLimiter(LocalWindows(), LocalSlots())
    fail_open: bool = settings.RATE_LIMIT_FAIL_OPEN
    machines: int = settings.RATE_LIMIT_MACHINES
    otherwise = "limits: this machine counts by itself" if fail_open else "limits: callers that have some are refused"
    link, prefix = RedisLink(settings.REDIS_URL, otherwise), settings.REDIS_PREFIX
    directory = Path(settings.VAR_DIR) / COUNTS
    directory.mkdir(parents=True, exist_ok=True)
    windows = HostWindows(directory / "windows", machines)
    slots = HostSlots(directory / "running")
    return RateLimiter(
        LeasedWindows(link, windows, fail_open=fail_open, prefix=f"{prefix}:rate:"),
        LeasedSlots(link, slots, machines, fail_open=fail_open, prefix=f"{prefix}:running:"),
    )
