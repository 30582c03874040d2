"""Who is not called is tested each minute, and a provider that answers is called again at once."""

import time
from random import Random

import pytest

from profiling.jobs import job_kinds
from profiling.jobs.base import Run
from providers.catalog import build
from providers.errors import Unreachable
from providers.models import Provider
from routing.reached import Relief, reached
from routing.resilience import Health
from routing.resilience.report import health_report
from tests.admin import rows
from tests.providers.test_probe import upstream
from usage import states

from .factories import target

pytestmark = pytest.mark.django_db
LISTING = b'{"object": "list", "data": [{"id": "m1", "object": "model"}]}'


def outcome_of_testing() -> dict[str, int]:
    return job_kinds()["reach"].run(Run(1, "reach", "1", 1), lambda share, what: None)


def test_a_provider_that_answers_again_is_called_again():
    with upstream(200, LISTING) as (url, seen):
        back = rows.provider(name="back", base_url=url, allow_private=True)
        rows.provider(name="away", base_url="http://127.0.0.1:9/v1", allow_private=True)
        rows.provider(name="fine", base_url=url, allow_private=True)
        assert outcome_of_testing() == {"tested": 0, "reached": 0} and not seen
        minute = int(time.time()) // 60 * 60
        states.record(
            [(minute, "back/one", "half_open"), (minute, "away/one", "open"), (minute, "fine/one", "cooldown")]
        )
        health, served = Health(rng=Random(1)), target("back/one", 1, provider_id=back.pk)
        relief = Relief(health)
        for _ in range(2):
            health.failed(served, None, Unreachable("refused"), time.monotonic())
        assert health_report(health, build([served]).targets, time.monotonic()).providers
        assert outcome_of_testing() == {"tested": 2, "reached": 1} and len(seen) == 1
    reached.reload()
    relief.bring()
    assert not health_report(health, build([served]).targets, time.monotonic()).providers
    assert list(Provider.objects.exclude(reached_at=None)) == [back]
