"""Which deployments rest after failures, and for how long.

An upstream that asks for a pause (429 with Retry-After, a rejected or exhausted credential) is left alone until then,
whatever happens. One that merely fails rests for a while that doubles with each ejection, and is still used when
nothing else is left: the last candidate is never ejected.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from providers.errors import CredentialRejected, ProviderError, QuotaExhausted, RateLimited, Unreachable
from providers.targets import Secret, Target

FAILURES_BEFORE_REST: Final = 3  # in a row
FIRST_REST_S: Final = 5.0
LONGEST_REST_S: Final = 120.0
RATE_LIMIT_REST_S: Final = 5.0  # where the upstream names no time
LONGEST_ASKED_REST_S: Final = 300.0
CREDENTIAL_REST_S: Final = 600.0


class Rest(Struct):
    """The health of one deployment; times are `time.monotonic()` seconds."""

    failures: int = 0
    ejections: int = 0
    until: float = 0.0
    reason: str = ""


Key = tuple[str, int]  # ("deployment", id), or ("provider", id) for what concerns all that a provider serves


class Health:
    """Who rests. `on_change` is called when somebody starts to rest or comes back."""

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self._rests: dict[Key, Rest] = {}
        self._secrets: dict[tuple[int, int], tuple[float, str]] = {}  # (deployment or 0 for all, secret) -> until, why
        self.on_change = on_change

    def forget_ended(self, now: float) -> None:
        """Drop the bars that have ended."""
        self._secrets = {key: bar for key, bar in self._secrets.items() if bar[0] > now}

    @property
    def uneasy(self) -> bool:
        """Whether anybody has failed and not yet proven fit again: a rest may have ended without anybody saying so."""
        return bool(self._rests or self._secrets)

    def resting(self, target: Target, now: float) -> tuple[float, str] | None:
        """Seconds still to rest and why, None when fit; a soft rest may be ignored when nothing else is left."""
        if not self._rests:
            return None
        rests = [rest for key in _rest_keys(target) if (rest := self._rests.get(key)) and rest.until > now]
        longest = max(rests, key=lambda rest: rest.until, default=None)
        return (longest.until - now, longest.reason) if longest else None

    def barred(self, target: Target, now: float) -> tuple[float, str] | None:
        """Seconds until any of its credentials may be used again and why, None when one may be used now."""
        if not self._secrets:
            return None
        shortest: tuple[float, str] | None = None
        for key in _keys(target):
            until, reason = self._bar(target.id, key, now)
            if until <= now:
                return None
            if shortest is None or until - now < shortest[0]:
                shortest = (until - now, reason)
        return shortest

    def secret_for(self, target: Target, now: float) -> Secret | None:
        """The first credential that is not barred; None where the deployment needs none."""
        for secret in target.secrets:
            if not self._secrets or self._bar(target.id, secret.id, now)[0] <= now:
                return secret
        return target.secrets[0] if target.secrets else None

    def succeeded(self, target: Target) -> None:
        """An attempt worked: the deployment is fit again."""
        if self._rests and any([self._rests.pop(key, None) for key in _rest_keys(target)]):
            self.on_change()

    def failed(self, target: Target, secret: Secret | None, error: ProviderError, now: float) -> None:
        """An attempt failed: decide who rests."""
        if not error.cools_down:
            return
        key = secret.id if secret else 0
        if isinstance(error, RateLimited):
            asked = error.retry_after_s if error.retry_after_s is not None else RATE_LIMIT_REST_S
            self._secrets[target.id, key] = (now + min(max(asked, 0.0), LONGEST_ASKED_REST_S), "rate limited")
        elif isinstance(error, CredentialRejected | QuotaExhausted) and secret is not None:
            why = "credential rejected" if isinstance(error, CredentialRejected) else "quota exhausted"
            self._secrets[0, key] = (now + CREDENTIAL_REST_S, why)
        else:
            self._eject(target, error, now)
        self.on_change()

    def _eject(self, target: Target, error: ProviderError, now: float) -> None:
        """One that cannot be reached rests at once, with everything else that its provider serves."""
        gone = isinstance(error, Unreachable) and not error.connected
        rest = self._rests.setdefault(("provider", target.provider_id) if gone else ("deployment", target.id), Rest())
        rest.failures += 1
        if rest.failures >= FAILURES_BEFORE_REST or gone:
            rest.until = now + min(FIRST_REST_S * 2**rest.ejections, LONGEST_REST_S)
            rest.ejections = min(rest.ejections + 1, 10)
            rest.reason = f"{type(error).__name__}, {rest.failures} in a row"

    def forget(self, target: Target | None = None) -> None:
        """Forget what is remembered of one deployment and its credentials, or of all."""
        if target is None:
            self._rests.clear()
            self._secrets.clear()
        else:
            for rest in _rest_keys(target):
                self._rests.pop(rest, None)
            for key in _keys(target):
                self._secrets.pop((target.id, key), None)
                self._secrets.pop((0, key), None)
        self.on_change()

    def _bar(self, deployment_id: int, key: int, now: float) -> tuple[float, str]:
        own = self._secrets.get((deployment_id, key), (0.0, ""))
        everywhere = self._secrets.get((0, key), (0.0, "")) if key else (0.0, "")
        return max(own, everywhere)


def _rest_keys(target: Target) -> tuple[Key, Key]:
    return ("deployment", target.id), ("provider", target.provider_id)


def _keys(target: Target) -> tuple[int, ...]:
    return tuple(secret.id for secret in target.secrets) or (0,)
