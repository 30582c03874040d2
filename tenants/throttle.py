"""Guessing is slowed down: failed sign-ins count per account and address, and per address, whatever was guessed."""

import logging
from functools import partial
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django_ratelimit.core import get_usage
from redis.exceptions import RedisError

log = logging.getLogger(__name__)
PER_ACCOUNT: Final = "10/10m"  # failures of one account from one address
PER_ADDRESS: Final = "60/10m"  # failures from one address, whatever the account


def refuse_when_full(request: HttpRequest, account: str) -> None:
    """Raise `ValidationError` with the wait where there were too many failures."""
    wait_s = _wait_s(request, account, increment=False)
    if wait_s is not None:
        minutes = max(1, -(-wait_s // 60))
        raise ValidationError(
            f"Too many failed sign-ins from this address. Try again in {minutes} min.", code="throttled"
        )


def count_failure(request: HttpRequest, account: str) -> None:
    """One more wrong password or code."""
    _wait_s(request, account, increment=True)


def _wait_s(request: HttpRequest, account: str, increment: bool) -> int | None:
    """Seconds until the next try is allowed; None: now."""
    own = partial(_account, account)
    waits = [
        _window(request, PER_ADDRESS, _address, increment),
        _window(request, PER_ACCOUNT, own, increment),
    ]
    return max((wait for wait in waits if wait is not None), default=None)


def _window(request: HttpRequest, rate: str, key: Any, increment: bool) -> int | None:
    try:
        usage = get_usage(request, group=f"sign-in {rate}", key=key, rate=rate, increment=increment)
    except RedisError:
        log.warning("sign-in throttle: the cache is away, failures are not counted")
        return None
    full = usage is not None and usage["count"] >= usage["limit"]
    return int(usage["time_left"]) if full else None


def _address(group: str, request: HttpRequest) -> str:
    return request.META.get("REMOTE_ADDR", "")


def _account(account: str, group: str, request: HttpRequest) -> str:
    return f"{_address(group, request)} {account.casefold()[:150]}"
