"""What do an answer's headers say of the upstream's rate limits? Three families of names, and times in three forms."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct

DURATION: Final = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
KINDS: Final = ("requests", "tokens")
ANTHROPIC_KINDS: Final = ("requests", "tokens", "input-tokens", "output-tokens")
MARK: Final = "ratelimit"  # in every name


class RateLimit(Struct, frozen=True):
    """One limit as it was told. `reset_s`: seconds until it is whole again; None is not told, or nothing usable."""

    kind: str  # requests, tokens, input-tokens or output-tokens
    limit: int | None = None
    remaining: int | None = None
    reset_s: float | None = None


def rate_limits(headers: Mapping[str, str], now: Callable[[], float]) -> Iterator[RateLimit]:
    """Every limit of which something is told: OpenAI's durations, Anthropic's times of day, OpenRouter's milliseconds
    since 1970. `headers` have lower-case names, `now` is in seconds since then."""
    for kind in KINDS:
        limit, remaining, reset = (
            headers.get(f"x-ratelimit-{part}-{kind}") for part in ("limit", "remaining", "reset")
        )
        yield from _told(kind, limit, remaining, duration_s(reset or ""))
    for kind in ANTHROPIC_KINDS:
        names = (f"anthropic-ratelimit-{kind}-{part}" for part in ("limit", "remaining", "reset"))
        limit, remaining, reset = map(headers.get, names)
        yield from _told(kind, limit, remaining, until_iso_s(reset, now))
    at_s = seconds(headers.get("x-ratelimit-reset"), 1000)
    reset_s = at_s - now() if at_s is not None and at_s > now() else None
    yield from _told("requests", headers.get("x-ratelimit-limit"), headers.get("x-ratelimit-remaining"), reset_s)


def _told(kind: str, limit: str | None, remaining: str | None, reset_s: float | None) -> Iterator[RateLimit]:
    found = RateLimit(kind, _count(limit), _count(remaining), reset_s)
    if (found.limit, found.remaining, found.reset_s) != (None, None, None):
        yield found


def duration_s(text: str) -> float | None:
    """A Go duration ("6m0s", "12ms", "1.5s") in seconds; None for anything else and for nothing at all."""
    match = DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        return None
    hours, minutes, whole, milliseconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + whole + milliseconds / 1000


def seconds(text: str | None, per_second: int = 1) -> float | None:
    """A number in seconds; None for anything else, and below 0."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value / per_second if math.isfinite(value) and value >= 0 else None


def until_iso_s(text: str | None, now: Callable[[], float]) -> float | None:
    """Seconds until a time as RFC 3339 writes it; None where it is past, or none."""
    try:
        left = datetime.fromisoformat(text or "").timestamp() - now()
    except (ValueError, OverflowError):
        return None
    return left if left > 0 else None


def _count(text: str | None) -> int | None:
    value = seconds(text)
    return None if value is None else int(value)
