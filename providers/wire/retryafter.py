"""How long does an upstream ask us to wait? Its headers say so in six ways, and some of them lie."""

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from providers.wire.ratelimits import rate_limits, seconds

LONGEST_S: Final = 300.0  # whatever is asked, no deployment is left alone for longer without another look


def retry_after_s(headers: Mapping[str, str], now: Callable[[], float] = time.time) -> float | None:
    """Seconds, 0 to 300, or None where the headers say nothing usable (garbage, a negative number, a past date)."""
    found = seconds(headers.get("retry-after-ms"), 1000)
    if found is None:
        found = seconds(headers.get("retry-after"))
    if found is None:
        found = _until(headers.get("retry-after"), now)
    if found is None:
        found = _reset(headers, now)
    return clamped(found)


def clamped(seconds: float | None) -> float | None:
    return None if seconds is None else min(seconds, LONGEST_S)


def _until(text: str | None, now: Callable[[], float]) -> float | None:
    """Seconds until an HTTP date in the future."""
    try:
        left = parsedate_to_datetime(text or "").timestamp() - now()
    except (ValueError, OverflowError):
        return None
    return left if left > 0 else None


def _reset(headers: Mapping[str, str], now: Callable[[], float]) -> float | None:
    """When the limits that are used up start again; where none says so, the earliest of all."""
    known = [(limit.remaining, limit.reset_s) for limit in rate_limits(headers, now)]
    resets = [(remaining, reset_s) for remaining, reset_s in known if reset_s is not None]
    exhausted = [reset_s for remaining, reset_s in resets if remaining == 0]
    if exhausted:
        return max(exhausted)
    return min((reset_s for _, reset_s in resets), default=None)
