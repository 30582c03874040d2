"""`GET /v1/health/providers`: who is healthy, who is not called and for how long, how fast and how reliable each is."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from math import isfinite
from time import monotonic
from typing import Final

import msgspec
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from providers.targets import Target
from routing.api.contracts import answers
from routing.api.database import DatabaseView
from routing.api.figures import BarredCredentials, DeploymentHealth, DeploymentState, ProviderHealth, ProviderHealthList
from routing.candidates import may_call
from routing.evidence import EvidenceBook
from routing.resilience import Health
from routing.resilience.report import SEVERITY, breaker_report, credential_reports
from routing.runtime import runtime
from usage.selectors import Attempts, TimeRange, attempts

logger = logging.getLogger(__name__)
WINDOW: Final = timedelta(hours=1)
CALLED: Final = frozenset({"healthy", "half_open"})


@extend_schema(tags=["Data plane"])
class ProvidersHealth(DatabaseView):
    """The health of the providers that one may call."""

    route = "health"

    @extend_schema(
        operation_id="providersHealth",
        summary="State, breaker, latency and error rate per provider",
        description="`state`, breakers, credentials and `ttft_ms` as the worker that answers sees them; `error_rate` "
        "of the last hour's attempts by all workers, null without any.",
        responses=answers(ProviderHealthList, "One entry per provider", 401, 403),
    )
    def get(self, request: Request) -> HttpResponse:
        caller, now = self.caller(request), runtime()
        catalog = now.catalog.current.seen(caller.realm)
        targets = [each for each in catalog.targets if may_call(caller, each, catalog)]
        found = provider_health(targets, now.engine.health, now.engine.evidence, recent(timezone.now()))
        return HttpResponse(msgspec.json.encode(found), "application/json")


def recent(now: datetime) -> dict[str, Attempts]:
    """The attempts of the last hour by deployment; nothing while the database is away: this is when health matters."""
    try:
        return {each.deployment: each for each in attempts(TimeRange.around(now - WINDOW, now, now))}
    except (OperationalError, InterfaceError):
        logger.warning("the database does not say how attempts ended")
        return {}


def provider_health(
    targets: Iterable[Target], health: Health, evidence: EvidenceBook, tried: dict[str, Attempts]
) -> ProviderHealthList:
    """One entry per provider, in the order of the targets."""
    now, grouped = monotonic(), defaultdict(list)
    for target in targets:
        grouped[target.provider].append(target)
    data = [_provider(name, served, health, evidence, tried, now) for name, served in grouped.items()]
    return ProviderHealthList("list", int(WINDOW.total_seconds()), data)


def _deployment(
    target: Target, health: Health, evidence: EvidenceBook, tried: dict[str, Attempts], now: float
) -> DeploymentHealth:
    breaker = breaker_report(health, target, now)
    bar, rest = health.barred(target, now), health.resting(target, now)
    state: DeploymentState = "cooldown" if bar else "healthy" if breaker.state == "closed" else breaker.state
    back_s, reason = bar or rest or (None, None)
    done = tried.get(target.name)
    ttft_ms = evidence.of(target.id).ttft_ms
    return DeploymentHealth(
        deployment=target.name,
        model=target.model,
        state=state,
        reason=reason,
        back_in_s=_rounded(back_s),
        breaker=breaker.state,
        breaker_since_s=_rounded(breaker.since_s),
        next_probe_in_s=_rounded(breaker.next_probe_in_s),
        failures_in_a_row=breaker.failures,
        ttft_ms=_rounded(ttft_ms),
        error_rate=_rounded(done.error_rate) if done else None,
    )


def _provider(
    name: str,
    served: list[Target],
    health: Health,
    evidence: EvidenceBook,
    tried: dict[str, Attempts],
    now: float,
) -> ProviderHealth:
    rows = [_deployment(target, health, evidence, tried, now) for target in served]
    called = [row for row in rows if row.state in CALLED]
    healthy = all(row.state == "healthy" for row in rows)
    speeds = [row.ttft_ms for row in rows if row.ttft_ms is not None]
    done = [tried[row.deployment] for row in rows if row.deployment in tried]
    judged = sum(each.answered + each.failed for each in done)
    return ProviderHealth(
        provider=name,
        state="healthy" if healthy else "degraded" if called else "down",
        breaker=min((row.breaker for row in called), key=lambda state: SEVERITY[state], default="open"),
        ttft_ms=_rounded(sum(speeds) / len(speeds)) if speeds else None,
        error_rate=_rounded(sum(each.failed for each in done) / judged) if judged else None,
        barred_credentials=_barred(health, served, now),
        deployments=rows,
    )


def _barred(health: Health, served: list[Target], now: float) -> BarredCredentials:
    """Counts alone: which credential it is, the dashboard shows to operators."""
    kinds = Counter(report.state for report in credential_reports(health, served, now))
    return BarredCredentials(kinds["rate limited"], kinds["quota exhausted"], kinds["credential rejected"])


def _rounded(value: float | None) -> float | None:
    return None if value is None or not isfinite(value) else round(value, 3)
