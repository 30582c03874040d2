"""Latency profiles: from attempts that were shipped to what routing reads."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import uuid_utils
from django.utils import timezone

from profiling.jobs import job_kinds
from profiling.jobs.base import Run
from profiling.models import LatencyProfile
from profiling.selectors import EVIDENCE, latency_profiles
from providers.models import Deployment, LanguageModel, Provider
from providers.revisions import numbers
from usage.journal import Journal
from usage.outcomes import AttemptOutcome, Outcome
from usage.shipper import Shipper

RUN = Run(1, "latency_profile", "now", 1)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def quick() -> Deployment:
    provider = Provider.objects.create(name="alpha", wire="openai", base_url="https://alpha.example/v1")
    model = LanguageModel.objects.create(name="quick")
    return Deployment.objects.create(provider=provider, model=model, upstream_model="quick")


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "spool"


def ship(spool: Path, deployment: Deployment, count: int, at: datetime, *, ttft_ms: float, failed: int = 0) -> None:
    """So many requests of one attempt each, of which the first ones failed."""
    journal = Journal(spool, uuid.uuid4().hex[:8])
    for number in range(count):
        journal.write(_outcome(deployment, at, ttft_ms, ok=number >= failed))
    journal.close()
    shipper = Shipper(spool)
    while shipper.ship_batch():
        pass


def _outcome(deployment: Deployment, at: datetime, ttft_ms: float, *, ok: bool) -> Outcome:
    milliseconds = int(at.timestamp() * 1000)
    request_id = f"{milliseconds:012x}{uuid_utils.uuid7().hex[12:]}"
    attempt = AttemptOutcome(
        index=1,
        deployment_id=deployment.pk,
        deployment=str(deployment),
        provider=deployment.provider.name,
        model=deployment.model.name,
        first_token_ms=ttft_ms if ok else None,
        first_byte_ms=ttft_ms if ok else None,
        ended_ms=ttft_ms + 1000,
        status="answered" if ok else "failed",
        error=None if ok else "Overloaded",
        completion_tokens=100 if ok else None,
        prompt_tokens=10 if ok else None,
    )
    return Outcome(
        id=request_id,
        started_us=milliseconds * 1000,
        tenant_id=1,
        tenant="t",
        key_id=1,
        key_prefix="nr-x",
        stream=True,
        status="answered" if ok else "failed",
        deployment_id=deployment.pk if ok else None,
        provider=deployment.provider.name if ok else None,
        model=deployment.model.name if ok else None,
        first_choice=str(deployment),
        attempts=[attempt],
        attempts_count=1,
        ttft_ms=ttft_ms if ok else None,
        total_ms=ttft_ms + 1000,
    )


def profile() -> None:
    job_kinds()["latency_profile"].run(RUN, lambda share, message: None)


def test_attempts_become_evidence(quick: Deployment, spool: Path) -> None:
    ship(spool, quick, 40, timezone.now() - timedelta(minutes=10), ttft_ms=200, failed=10)
    before = numbers().get(EVIDENCE, 0)
    profile()
    seen = latency_profiles()[quick.pk]
    assert (seen.hours, seen.n, seen.error_rate) == (1, 40, 0.25)
    assert seen.ttft_ms == pytest.approx(200, rel=0.1)
    assert seen.total_ms == pytest.approx(1200, rel=0.1)
    assert seen.tokens_per_s == pytest.approx(100, rel=0.1)
    assert numbers()[EVIDENCE] > before


def test_the_long_span_speaks_where_the_last_hour_is_thin(quick: Deployment, spool: Path) -> None:
    now = timezone.now()
    ship(spool, quick, 40, now - timedelta(hours=5), ttft_ms=800)
    ship(spool, quick, 3, now - timedelta(minutes=10), ttft_ms=100)
    profile()
    seen = latency_profiles()[quick.pk]
    assert (seen.hours, seen.n) == (24, 43)
    assert seen.ttft_ms == pytest.approx(800, rel=0.1)


def test_the_long_span_says_what_the_last_hours_failures_do_not(quick: Deployment, spool: Path) -> None:
    now = timezone.now()
    ship(spool, quick, 40, now - timedelta(hours=5), ttft_ms=800)
    ship(spool, quick, 25, now - timedelta(minutes=10), ttft_ms=100, failed=25)
    profile()
    seen = latency_profiles()[quick.pk]
    assert (seen.hours, seen.error_rate) == (1, 1.0)
    assert seen.ttft_ms == pytest.approx(800, rel=0.1)


def test_few_attempts_say_nothing_of_latency(quick: Deployment, spool: Path) -> None:
    ship(spool, quick, 3, timezone.now() - timedelta(minutes=10), ttft_ms=100)
    profile()
    seen = latency_profiles()[quick.pk]
    assert (seen.n, seen.ttft_ms) == (3, None)


def test_a_profile_without_attempts_goes(quick: Deployment, spool: Path) -> None:
    LatencyProfile.objects.create(deployment=quick, hours=1, attempts=9, answered=9, measured_at=timezone.now())
    profile()
    assert latency_profiles() == {}


def test_a_deployment_that_is_gone_does_not_stop_the_others(quick: Deployment, spool: Path) -> None:
    gone = Deployment(pk=999, provider=quick.provider, model=LanguageModel(name="gone"))
    ship(spool, gone, 25, timezone.now() - timedelta(minutes=10), ttft_ms=100)
    ship(spool, quick, 25, timezone.now() - timedelta(minutes=10), ttft_ms=100)
    profile()
    assert set(latency_profiles()) == {quick.pk}
