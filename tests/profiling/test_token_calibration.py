"""Factors of models: from requests that were shipped to what routing reads."""

import uuid
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import uuid_utils
from django.utils import timezone
from msgspec import Raw

from profiling.jobs import job_kinds
from profiling.jobs.base import Run
from profiling.models import TokenCalibration
from profiling.selectors import CALIBRATION, token_factors
from providers.models import LanguageModel
from providers.revisions import numbers
from usage.journal import Journal
from usage.outcomes import Outcome
from usage.shipper import Shipper

RUN = Run(1, "token_calibration", "now", 1)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def small() -> LanguageModel:
    return LanguageModel.objects.create(name="small")


class History:
    """Requests that were answered, in the database."""

    def __init__(self, spool: Path) -> None:
        self.spool = spool

    def add(self, count: int, ratio: float, *, minutes_ago: float = 1, **facts: object) -> None:
        journal = Journal(self.spool, uuid.uuid4().hex[:8])
        for number in range(count):
            raw = 100 + 37 * number
            journal.write(answered(timezone.now() - timedelta(minutes=minutes_ago), raw, round(raw * ratio), facts))
        journal.close()
        shipper = Shipper(self.spool)
        while shipper.ship_batch():
            pass


def answered(at: datetime, raw: int, reported: int, facts: dict[str, object]) -> Outcome:
    milliseconds = int(at.timestamp() * 1000)
    told: dict[str, object] = {"provider": "alpha", "model": "small", "modality": "text", "attempts_count": 1}
    told |= {"prompt_tokens": reported, "completion_tokens": 10, "status": "answered", "estimated_prompt_tokens": raw}
    told["features"] = Raw(b'{"category":"chat","prompt_tokens":%d}' % raw)
    return Outcome(
        id=f"{milliseconds:012x}{uuid_utils.uuid7().hex[12:]}",
        started_us=milliseconds * 1000,
        tenant_id=1,
        tenant="t",
        key_id=1,
        key_prefix="nr-x",
        **told | facts,  # type: ignore[arg-type]
    )


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "spool")


def calibrate() -> dict[str, object]:
    return job_kinds()["token_calibration"].run(RUN, lambda share, message: None)


def test_what_was_reported_becomes_the_models_factor(small: LanguageModel, history: History) -> None:
    history.add(40, 1.6)
    assert calibrate() == {"models": 1, "changed": ["small"]}
    assert token_factors() == {small.pk: pytest.approx(1.6, rel=0.01)}
    row = TokenCalibration.objects.get()
    assert row.pairs == 40 and row.typical_error < 0.01


def test_calibrated_estimates_are_not_learned_from_again(small: LanguageModel, history: History) -> None:
    """Records of a calibrated model carry the better estimate; the factor still belongs to the raw one."""
    for _ in range(3):
        history.add(40, 1.6, estimated_prompt_tokens=160)
        calibrate()
    assert token_factors() == {small.pk: pytest.approx(1.6, rel=0.01)}


@pytest.mark.parametrize(
    "facts",
    [
        {"estimated": True},
        {"modality": "vision"},
        {"attempts_count": 2},
        {"status": "interrupted"},
        {"estimated_prompt_tokens": None},
        {"features": Raw(b"{}")},
    ],
)
def test_what_cannot_be_compared_teaches_nothing(
    small: LanguageModel, history: History, facts: dict[str, object]
) -> None:
    history.add(40, 1.6)
    history.add(40, 3.0, **facts)
    calibrate()
    assert token_factors() == {small.pk: pytest.approx(1.6, rel=0.01)}


def test_the_newest_requests_decide(small: LanguageModel, history: History) -> None:
    history.add(200, 1.0, minutes_ago=600)
    history.add(200, 1.5)
    calibrate()
    assert token_factors() == {small.pk: pytest.approx(1.5, rel=0.01)}


def test_a_change_too_small_to_matter_is_not_published(small: LanguageModel, history: History) -> None:
    history.add(200, 1.6, minutes_ago=5)
    calibrate()
    before, factors = numbers()[CALIBRATION], token_factors()
    history.add(200, 1.605)
    assert calibrate() == {"models": 1, "changed": []}
    assert (numbers()[CALIBRATION], token_factors()) == (before, factors)
    history.add(200, 1.7)
    assert calibrate() == {"models": 1, "changed": ["small"]}
    assert numbers()[CALIBRATION] == before + 1


def test_what_was_learned_stays_while_nobody_asks(small: LanguageModel, history: History) -> None:
    history.add(40, 1.6, minutes_ago=180)
    TokenCalibration.objects.create(model=small, factor=1.2, pairs=50, typical_error=0.1, measured_at=timezone.now())
    assert calibrate() == {"models": 0, "changed": []}
    assert token_factors() == {small.pk: 1.2}


def test_a_model_that_is_gone_does_not_stop_the_others(small: LanguageModel, history: History) -> None:
    history.add(40, 2.0, model="gone")
    history.add(40, 1.6)
    calibrate()
    assert set(token_factors()) == {small.pk}
