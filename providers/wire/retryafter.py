"""How long does an upstream ask us to wait? Its headers say so in six ways, and some of them lie."""

import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_S: Final = 300.0  # whatever is asked, no deployment is left alone for longer without another look
DURATION: Final = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
KINDS: Final = ("requests", "tokens")
ANTHROPIC_KINDS: Final = ("requests", "tokens", "input-tokens", "output-tokens")


def retry_after_s(headers: Mapping[str, str], now: Callable[[], float] = time.time) -> float | None:
    """Seconds, 0 to 300, or None where the headers say nothing usable (garbage, a negative number, a past date)."""
    found = _seconds(headers.get("retry-after-ms"), 1000)
    if found is None:
        found = _seconds(headers.get("retry-after"))
    if found is None:
        found = _until(headers.get("retry-after"), now)
    if found is None:
        found = _reset(headers, now)
    return clamped(found)


def clamped(seconds: float | None) -> float | None:
    return None if seconds is None else min(seconds, LONGEST_S)


def duration_s(text: str) -> float | None:
    """A Go duration ("6m0s", "12ms", "1.5s") in seconds; None for anything else and for nothing at all."""
    match = DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        return None
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def _seconds(text: str | None, per_second: int = 1) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value / per_second if math.isfinite(value) and value >= 0 else None


def _until(text: str | None, now: Callable[[], float]) -> float | None:
    """Seconds until an HTTP date in the future."""
    try:
        left = parsedate_to_datetime(text or "").timestamp() - now()
    except (ValueError, OverflowError):
        return None
    return left if left > 0 else None


def _reset(headers: Mapping[str, str], now: Callable[[], float]) -> float | None:
    """When the limits that are used up start again; where none says so, the earliest of all."""
    limits = list(_limits(headers, now))
    exhausted = [reset for remaining, reset in limits if remaining == "0"]
    if exhausted:
        return max(exhausted)
    return min((reset for _, reset in limits), default=None)


def _limits(headers: Mapping[str, str], now: Callable[[], float]) -> Iterator[tuple[str | None, float]]:
    """What remains of each limit, and the seconds until it starts again: OpenAI's durations, Anthropic's times of day,
    OpenRouter's milliseconds since 1970."""
    for kind in KINDS:
        reset = duration_s(headers.get(f"x-ratelimit-reset-{kind}", ""))
        if reset is not None:
            yield headers.get(f"x-ratelimit-remaining-{kind}"), reset
    for kind in ANTHROPIC_KINDS:
        reset = _until_iso(headers.get(f"anthropic-ratelimit-{kind}-reset"), now)
        if reset is not None:
            yield headers.get(f"anthropic-ratelimit-{kind}-remaining"), reset
    at_s = _seconds(headers.get("x-ratelimit-reset"), 1000)
    if at_s is not None and at_s > now():
        yield headers.get("x-ratelimit-remaining"), at_s - now()


def _until_iso(text: str | None, now: Callable[[], float]) -> float | None:
    """Seconds until a time as RFC 3339 writes it."""
    try:
        left = datetime.fromisoformat(text or "").timestamp() - now()
    except (ValueError, OverflowError):
        return None
    return left if left > 0 else None
