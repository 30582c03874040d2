"""May this deployment be asked now, and with which credential? What attempts taught, in memory, for the engine.

Credentials that an upstream refused are left alone whatever happens (`credentials.py`). A deployment that fails, and a
provider that cannot be reached, are ejected by their breakers (`breaker.py`), and are still asked when nobody else is
left: the last candidate is never ejected. A provider that refuses many is asked less (`throttle.py`). Retries have a
budget (`retrybudget.py`).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from math import inf, isfinite
from random import Random
from typing import Final

from providers.errors import NotAsked, ProviderError, RateLimited, Unreachable, Untrusted, UpstreamTimeout
from providers.targets import Secret, Target
from routing.resilience.breaker import Breaker
from routing.resilience.credentials import Credentials
from routing.resilience.retrybudget import RetryBudget
from routing.resilience.throttle import Throttle

# One refused connection may be one replica that restarts; two in a row, from whatever deployments, are the whole host,
# and every further try of a host that swallows packets costs a caller the connect limit.
UNREACHED_IN_A_ROW: Final = 2
SWEEP_S: Final = 60.0
UNASKED_S: Final = 600.0  # half open for so long and nobody asked: it may be gone from the catalogue

Key = tuple[str, int]  # ("deployment", id), or ("provider", id) for what concerns all that a provider serves


class Health:
    """The health of all deployments. `on_change` is called when who may be asked has changed.

    `stalled` says whether our own event loop stands still, so that nobody else is to blame for what came too late.
    Times are `time.monotonic()` seconds. `sent` is when the attempt was sent: what was sent before a breaker opened or
    closed says nothing about the time since.
    """

    def __init__(
        self,
        on_change: Callable[[], None] = lambda: None,
        rng: Random | None = None,
        stalled: Callable[[float], bool] = lambda now: False,
    ) -> None:
        self.on_change = on_change
        self._stalled = stalled
        self.credentials = Credentials()
        self._rng = rng or Random()
        self._breakers: dict[Key, Breaker] = {}
        self._budgets: dict[int, RetryBudget] = {}
        self._throttles: dict[int, Throttle] = {}
        self._providers: dict[Key, int] = {}  # of those that have failed
        self._ejected: dict[Key, Breaker] = {}  # those that are not closed
        self.probes_freely = True  # no other worker has a say in who sends the probe
        self._tally: Counter[tuple[str, str, str]] = Counter()
        self._sweep_at = 0.0

    @property
    def ejected(self) -> Mapping[Key, Breaker]:
        """The breakers that are open or half open."""
        return self._ejected

    @property
    def uneasy(self) -> bool:
        """Whether anybody is left alone: that may end without anybody saying so."""
        return bool(self._ejected or self.credentials.bars)

    @property
    def refusing(self) -> bool:
        """Whether anybody has failed lately."""
        return bool(self._providers)

    def failures(self, target: Target) -> int:
        """Failures of a deployment in a row."""
        breaker = self._breakers.get(("deployment", target.id))
        return breaker.failures if breaker else 0

    def kept_back(self, target: Target, now: float) -> float:
        """The share of calls that is kept back from its provider."""
        throttle = self._throttles.get(target.provider_id)
        return throttle.kept_back(now) if throttle else 0.0

    def drain_tally(self) -> Iterable[tuple[tuple[str, str, str], int]]:
        """Attempts not made since the last time: (why, provider, model), number."""
        counted, self._tally = self._tally, Counter()
        return counted.items()

    def resting(self, target: Target, now: float) -> tuple[float, str] | None:
        """Seconds still to rest and why, None when fit; ignored when nobody else is left."""
        if not self._ejected:
            return None
        longest: tuple[float, str] | None = None
        for key in _keys(target):
            breaker = self._ejected.get(key)
            if (
                breaker is not None
                and breaker.until is not None
                and breaker.until - now > (longest[0] if longest else 0)
            ):
                longest = breaker.until - now, breaker.reason
        return longest

    def barred(self, target: Target, now: float) -> tuple[float, str] | None:
        """Seconds until any of its credentials may be used again (inf: somebody must act) and why; None: one may be."""
        bar = self.credentials.barred(target, now)
        return (bar.until - now, bar.kind) if bar else None

    def secret_for(self, target: Target, now: float) -> Secret | None:
        """The credential whose turn it is; None where the deployment needs none."""
        return self.credentials.choose(target, now)

    def asking(self, target: Target, now: float, *, last: bool = False) -> NotAsked | None:
        """Called right before an attempt is sent: None, and it counts as sent, or why it may not be sent.

        `last`: nobody else is left, so that only a bar of its credentials keeps it from being asked.
        """
        if (bar := self.barred(target, now)) is not None:
            self._count("credential", target)
            return NotAsked(bar[1], retry_after_s=bar[0] if isfinite(bar[0]) else None)
        breakers = [breaker for key in _keys(target) if (breaker := self._ejected.get(key))] if self._ejected else ()
        for breaker in breakers:
            if not (last or breaker.lets_through(now)):
                self._count("breaker", target)
                return NotAsked(breaker.reason)
        if not breakers and not last and self._keeps_back(target, now):
            self._count("throttle", target)
            return NotAsked("spared, as its provider refuses many")
        for breaker in breakers:
            breaker.sent(now, target.timeouts.total_s)
        self._budget(target).sent(now)
        return None

    def may_retry(self, target: Target, now: float) -> bool:
        """Whether one more call may be a retry of this deployment; counts it when so."""
        if self._budget(target).take(now):
            return True
        self._count("retry", target)
        return False

    def speaks(self, target: Target, now: float, sent: float) -> None:
        """A stream has begun to answer: a probe need not run to its end to prove that the upstream is well."""
        if self._ejected:
            self._works(_keys(target), now, sent)

    def succeeded(self, target: Target, secret: Secret | None, now: float, sent: float | None = None) -> None:
        """An attempt worked."""
        self.credentials.accepted(target, secret)
        self._throttle(target).accepted(now)
        self._works(_keys(target), now, now if sent is None else sent)

    def failed(
        self, target: Target, secret: Secret | None, error: ProviderError, now: float, sent: float | None = None
    ) -> None:
        """An attempt failed: decide who is left alone."""
        sent = now if sent is None else sent
        if not error.cools_down and error.upstream_status is None:
            self.abandoned(target, now)  # nothing was sent, or nothing was wrong with what came
        elif _may_be_ours(error) and self._stalled(now):
            self.abandoned(target, now)
        elif not error.cools_down:
            self._throttle(target).accepted(now)
            self._works(_keys(target), now, sent)
        elif self.credentials.refused(target, secret, error, now):
            self._turned_away(target, error, now, sent)
        else:
            self._throttle(target).refused(now)
            self._broke(target, error, now, sent)

    def abandoned(self, target: Target, now: float) -> None:
        """An attempt was given up before it said anything: the client left, or another was faster."""
        for key in _keys(target):
            self._let_go(key)

    def forget(self, target: Target | None = None) -> None:
        """Forget what is remembered of one deployment, its provider and its credentials, or of all."""
        self.credentials.forget(target)
        for key in list(self._breakers) if target is None else _keys(target):
            self._breakers.pop(key, None)
            self._ejected.pop(key, None)
        for number in list(self._throttles) if target is None else (target.provider_id,):
            self._throttles.pop(number, None)
        self.on_change()

    def open(self, target: Target, now: float, rest_s: float, why: str) -> None:
        """Leave a deployment alone for so long, as an operator wants; then a probe decides, as after failures."""
        key = _keys(target)[0]
        breaker = self._breaker(key)
        if (breaker.until or 0.0) < now + rest_s:
            breaker.follow(now + rest_s, breaker.ejections, why, now)
            self._eject(key, breaker)
            self.on_change()

    def reached(self, provider_id: int, now: float, ago_s: float) -> None:
        """A provider answered somebody else's call that was sent so many seconds ago."""
        self._works(tuple(key for key in (("provider", provider_id),) if key in self._ejected), now, now - ago_s)

    def forget_ended(self, now: float) -> None:
        """Drop what does not matter any more; call it every few seconds."""
        self.credentials.forget_ended(now)
        for key in [key for key, each in self._ejected.items() if (each.until or now) < now - UNASKED_S]:
            self.follow(key, None, now)
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_S
            self._breakers = {key: each for key, each in self._breakers.items() if not each.idle(now)}
            self._providers = {key: each for key, each in self._providers.items() if key in self._breakers}
            self._budgets = {key: each for key, each in self._budgets.items() if not each.idle(now)}
            self._throttles = {key: each for key, each in self._throttles.items() if not each.idle(now)}

    def follow(self, key: Key, opened: tuple[float, int, str] | None, now: float) -> None:
        """Open a breaker as another worker did (until when, ejections, reason), or close it as it did."""
        breaker = self._breaker(key)
        if opened is None:
            breaker.close(now)
            self._ejected.pop(key, None)
            self._clear_throttle(key)
        else:
            breaker.follow(*opened, now)
            self._eject(key, breaker)

    def _count(self, why: str, target: Target) -> None:
        self._tally[why, target.provider, target.model] += 1

    def _keeps_back(self, target: Target, now: float) -> bool:
        share = self.kept_back(target, now)
        return share > 0.0 and self._rng.random() < share

    def _turned_away(self, target: Target, error: ProviderError, now: float, sent: float) -> None:
        """The credential was refused. Only a rate limit says that there is too much to do."""
        throttle, (deployment, provider) = self._throttle(target), _keys(target)
        throttle.refused(now) if isinstance(error, RateLimited) else throttle.accepted(now)
        self._works((provider,), now, sent)
        self._let_go(deployment)
        self.on_change()

    def _broke(self, target: Target, error: ProviderError, now: float, sent: float) -> None:
        """A connection that never stood is the provider's failure, all else the deployment's."""
        deployment, provider = _keys(target)
        self._providers[deployment] = self._providers[provider] = target.provider_id
        if isinstance(error, Unreachable) and not error.connected:
            self._let_go(deployment)
            self._fails(provider, error, now, sent)
        else:
            self._works((provider,), now, sent)
            self._fails(deployment, error, now, sent)

    def _works(self, keys: tuple[Key, ...], now: float, sent: float) -> None:
        for key in keys:
            if self._breaker(key).succeeded(now, sent):
                self._ejected.pop(key, None)
                self._clear_throttle(key)
                self.on_change()

    def _fails(self, key: Key, error: ProviderError, now: float, sent: float) -> None:
        breaker = self._breaker(key)
        at_once = isinstance(error, Untrusted)  # no certificate mends itself in seconds
        if breaker.failed(now, sent, type(error).__name__, self._rng.uniform, at_once=at_once):
            self._eject(key, breaker)
            self.on_change()

    def _eject(self, key: Key, breaker: Breaker) -> None:
        if key not in self._ejected:
            breaker.claimed_until = inf if self.probes_freely else 0.0
        self._ejected[key] = breaker

    def _let_go(self, key: Key) -> None:
        if (breaker := self._ejected.get(key)) is not None:
            breaker.abandoned()

    def _breaker(self, key: Key) -> Breaker:
        found = self._breakers.get(key)
        if found is None:
            found = self._breakers[key] = Breaker(UNREACHED_IN_A_ROW) if key[0] == "provider" else Breaker()
        return found

    def _clear_throttle(self, key: Key) -> None:
        """Somebody is well again: the throttle of its provider counted what that has just disproved."""
        throttle = self._throttles.get(self._providers.get(key, 0))
        if throttle is not None:
            throttle.clear()

    def _throttle(self, target: Target) -> Throttle:
        found = self._throttles.get(target.provider_id)
        if found is None:
            found = self._throttles[target.provider_id] = Throttle()
        return found

    def _budget(self, target: Target) -> RetryBudget:
        found = self._budgets.get(target.id)
        if found is None:
            found = self._budgets[target.id] = RetryBudget()
        return found


def _may_be_ours(error: ProviderError) -> bool:
    """Whether it can come of a stall of our own; a certificate that is not trusted or a refused connection cannot."""
    if isinstance(error, Unreachable):
        return not (error.connection_refused or isinstance(error, Untrusted))
    return isinstance(error, UpstreamTimeout)


def _keys(target: Target) -> tuple[Key, Key]:
    return ("deployment", target.id), ("provider", target.provider_id)
