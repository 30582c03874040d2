"""Who may sign in to the pages for people: a password form that slows guessing down."""

import logging
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django_ratelimit.core import get_usage
from redis.exceptions import RedisError
from unfold.forms import AuthenticationForm

log = logging.getLogger(__name__)
PER_ACCOUNT: Final = "10/10m"  # failures of one account from one address
PER_ADDRESS: Final = "60/10m"  # failures from one address, whatever the account


class SignInForm(AuthenticationForm):
    """Failures count per address and account, and per address; a success costs nothing."""

    def clean(self) -> dict[str, Any]:
        wait_s = self._wait_s(increment=False)
        if wait_s is not None:
            minutes = max(1, -(-wait_s // 60))
            raise ValidationError(
                f"Too many failed sign-ins from this address. Try again in {minutes} min.", code="throttled"
            )
        try:
            return super().clean()
        except ValidationError:
            self._wait_s(increment=True)
            raise

    def _wait_s(self, increment: bool) -> int | None:
        """Seconds until the next try is allowed; None: now."""
        waits = [self._window(PER_ADDRESS, _address, increment), self._window(PER_ACCOUNT, _account, increment)]
        return max((wait for wait in waits if wait is not None), default=None)

    def _window(self, rate: str, key: Any, increment: bool) -> int | None:
        try:
            usage = get_usage(self.request, group=f"sign-in {rate}", key=key, rate=rate, increment=increment)
        except RedisError:
            log.warning("sign-in throttle: the cache is away, failures are not counted")
            return None
        full = usage is not None and usage["count"] >= usage["limit"]
        return int(usage["time_left"]) if full else None


def _address(group: str, request: HttpRequest) -> str:
    return request.META.get("REMOTE_ADDR", "")


def _account(group: str, request: HttpRequest) -> str:
    return f"{_address(group, request)} {request.POST.get('username', '').casefold()[:150]}"
