"""Callers for tests of limits: what does not matter has a value."""

from typing import Any

from tenants.admission import Admission, RateLimiter
from tenants.callers import Caller, Limits
from tenants.errors import RateLimitExceeded
from tenants.limits import DAY_S

MIDNIGHT = 1_800_000_000 // DAY_S * DAY_S
NOON = MIDNIGHT + DAY_S // 2


class Size:
    """A request that may take so many tokens."""

    def __init__(self, prompt: int = 0, longest: int = 0) -> None:
        self.reckoned = prompt, longest


class Took:
    """What a request took; None is unknown."""

    def __init__(self, prompt: int | None, completion: int | None = None) -> None:
        self.prompt_tokens, self.completion_tokens = prompt, completion


def caller(tenant_id: int = 1, key_id: int = 1, key: dict[str, Any] | None = None, **limits: int | None) -> Caller:
    """A key of a tenant; `limits` are the tenant's, `key` those of the key."""
    return Caller(
        tenant_id=tenant_id, tenant="team-a", key_id=key_id, key_name="ci", key_prefix="nr-x",
        limits=Limits(**limits), key_limits=Limits(**(key or {})),
    )  # fmt: skip


async def admit(limiter: RateLimiter, who: Caller, now: float = NOON, prompt: int = 0, longest: int = 0) -> Admission:
    return await limiter.admit(who, now, Size(prompt, longest))


async def admitted(limiter: RateLimiter, who: Caller, tries: int, now: float = NOON) -> int:
    """How many of `tries` requests, one after the other, were let in."""
    count = 0
    for _ in range(tries):
        try:
            await admit(limiter, who, now)
            count += 1
        except RateLimitExceeded:
            pass
    return count
