"""How is each deployment and credential at this moment, for people and metrics? Readings of `Health`, nothing decided.

May be asked from any thread: what it walks over is copied first.
"""

from collections import Counter
from collections.abc import Iterable
from math import isfinite
from typing import Final

from msgspec import Struct

from providers.errors import Untrusted
from providers.targets import Target
from routing.resilience.breaker import Breaker, State
from routing.resilience.credentials import EVERYWHERE, Kind
from routing.resilience.health import Health

SEVERITY: Final[dict[State, int]] = {"closed": 0, "half_open": 1, "open": 2}


class BreakerReport(Struct, frozen=True):
    """The breaker of a deployment, or its provider's where that is worse (`shared`).

    `since_s`: seconds since it last changed, a probe that failed included; `down_s`: since it opened first.
    """

    state: State = "closed"
    since_s: float | None = None
    next_probe_in_s: float | None = None  # 0: with the next request; None while one is under way
    failures: int = 0  # in a row
    ejections: int = 0
    reason: str = ""
    untrusted: bool = False  # TLS failed: waiting will not help
    down_s: float | None = None
    shared: bool = False


class CredentialReport(Struct, frozen=True):
    """A credential that is barred; `deployment` None: everywhere, `back_in_s` None: until somebody acts.

    `credential` is its row's number, 0 for the calls of a provider that has none.
    """

    credential: int
    provider: str
    last_four: str
    state: Kind
    since_s: float
    back_in_s: float | None
    deployment: str | None


class HealthReport(Struct, frozen=True):
    """Breakers that are not closed by `provider/model`, and the credentials that are barred.

    `cooling`: deployments of which no credential may be used now. `providers`: the providers whose own breaker is not
    closed, as nothing that they serve can be reached. `served`: how many deployments each provider has.
    """

    breakers: dict[str, BreakerReport]
    credentials: tuple[CredentialReport, ...]
    cooling: frozenset[str] = frozenset()
    providers: dict[str, BreakerReport] = {}
    served: dict[str, int] = {}

    def of_provider(self, provider: str) -> BreakerReport | None:
        """The worst breaker over what a provider serves; None: all are closed."""
        found = [report for name, report in self.breakers.items() if name.partition("/")[0] == provider]
        return max(found, key=lambda report: SEVERITY[report.state], default=None)

    def credentials_of(self, provider: str) -> list[CredentialReport]:
        return [each for each in self.credentials if each.provider == provider]

    @property
    def refused(self) -> list[CredentialReport]:
        """Credentials that need somebody: rejected, or without quota."""
        return [each for each in self.credentials if each.state != "rate limited"]

    @property
    def untrusted(self) -> list[str]:
        """Providers whose certificate is not trusted."""
        return sorted({name.partition("/")[0] for name, report in self.breakers.items() if report.untrusted})


def health_report(health: Health, targets: Iterable[Target], now: float) -> HealthReport:
    """All that is not well among these deployments."""
    targets = tuple(targets)
    found = {target.name: breaker_report(health, target, now) for target in targets} if health.ejected else {}
    return HealthReport(
        {name: report for name, report in found.items() if report.state != "closed"},
        credential_reports(health, targets, now),
        frozenset(target.name for target in targets if health.barred(target, now) is not None),
        _providers(health, targets, now),
        Counter(target.provider for target in targets),
    )


def breaker_report(health: Health, target: Target, now: float) -> BreakerReport:
    """How the breaker over one deployment stands."""
    own, shared = ("deployment", target.id), ("provider", target.provider_id)
    found = [(breaker, key is shared) for key in (own, shared) if (breaker := health.ejected.get(key))]
    if not found:
        return BreakerReport(failures=health.failures(target))
    worst, of_provider = max(found, key=lambda each: (SEVERITY[each[0].state(now)], each[0].until or 0.0))
    return _told(worst, now, shared=of_provider)


def _providers(health: Health, targets: Iterable[Target], now: float) -> dict[str, BreakerReport]:
    named = {target.provider_id: target.provider for target in targets}
    ejected = [(key, breaker) for key, breaker in health.ejected.items() if key[0] == "provider" and key[1] in named]
    return {named[key[1]]: _told(breaker, now, shared=True) for key, breaker in ejected}


def credential_reports(health: Health, targets: Iterable[Target], now: float) -> tuple[CredentialReport, ...]:
    """Every credential of these deployments that is barred, one entry per bar."""
    bars = dict(health.credentials.bars)
    if not bars:
        return ()
    found: dict[tuple[int, int], CredentialReport] = {}
    for target in targets:
        numbers = [secret.id for secret in target.secrets] or [0]
        for place in [(where, number) for number in numbers for where in (target.id, EVERYWHERE)]:
            bar = bars.get(place)
            if bar is not None and bar.until > now:
                back_in_s = bar.until - now if isfinite(bar.until) else None
                deployment = target.name if place[0] else None
                found[place] = CredentialReport(
                    place[1], target.provider, bar.last_four, bar.kind, now - bar.since, back_in_s, deployment
                )
    return tuple(found.values())


def _told(breaker: Breaker, now: float, *, shared: bool) -> BreakerReport:
    until = breaker.until or now
    return BreakerReport(
        state=breaker.state(now),
        since_s=now - breaker.since,
        next_probe_in_s=max(until - now, 0.0) if breaker.probe_until <= now else None,
        failures=breaker.failures,
        ejections=breaker.ejections,
        reason=breaker.reason,
        untrusted=breaker.reason.startswith(Untrusted.__name__),
        down_s=None if breaker.began is None else now - breaker.began,
        shared=shared,
    )
