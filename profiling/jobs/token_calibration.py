"""How does each model count tokens? Factors for our estimates, from what providers reported of answered requests."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from profiling.calibration import Calibration, calibration
from profiling.jobs.base import JobKind, Progress, Run
from profiling.models import TokenCalibration
from profiling.selectors import CALIBRATION
from providers.revisions import bump
from providers.selectors import model_ids
from usage.ranges import TimeRange
from usage.selectors import by
from usage.selectors.prompts import prompt_pairs

BUSY: Final = timedelta(hours=1)  # a model is looked at again as long as it was called within
REMEMBERED: Final = timedelta(days=7)
PAIRS: Final = 200  # the newest of a model: a provider that counts anew is followed soon
WORTH: Final = 0.01  # a change by less than this share is not worth new plans in every worker


class TokenCalibrating(JobKind):
    """Learns per model how many tokens are reported for each that was estimated, for budgets, limits and routing."""

    name = "token_calibration"
    label = "Calibrate token estimates"
    every = timedelta(minutes=5)

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        now = timezone.now()
        learned = _learned(now, progress)
        changed = _store(learned, now)
        return {"models": len(learned), "changed": changed}


def _learned(now: datetime, progress: Progress) -> dict[int, Calibration]:
    """What the records say of each model that was called lately, by its id."""
    ids = model_ids()
    called = {str(group.value) for group in by("model", TimeRange.around(now - BUSY, now, now))}
    busy = sorted(called & ids.keys())
    period, learned = TimeRange.around(now - REMEMBERED, now, now), {}
    for done, model in enumerate(busy, start=1):
        found = calibration(prompt_pairs(model, period, PAIRS))
        if found:
            learned[ids[model]] = found
        progress(done / len(busy), f"{done} of {len(busy)} models")
    return learned


@transaction.atomic
def _store(learned: dict[int, Calibration], now: datetime) -> list[str]:
    """Keep the factors; answers the names of the models whose factor is a new one."""
    known = {row.model_id: row for row in TokenCalibration.objects.select_related("model")}
    changed = []
    for model_id, found in learned.items():
        row = known.get(model_id) or TokenCalibration(model_id=model_id)
        if row.pk is None or abs(found.factor / row.factor - 1) >= WORTH:
            row.factor = found.factor
            changed.append(row.model.name)
        row.pairs, row.typical_error, row.measured_at = found.pairs, found.typical_error, now
        row.save()
    if changed:
        bump(CALIBRATION)
    return sorted(changed)
