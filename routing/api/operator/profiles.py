"""/api/admin/profiles: what was measured of each deployment, and of how each model counts tokens."""

from datetime import datetime
from typing import Any, Final

from django.db.models import QuerySet
from msgspec import Struct

from profiling.models import LatencyProfile, TokenCalibration
from providers.realms import APART
from routing.api.operator.documents import documented
from routing.api.operator.paging import Filter
from routing.api.operator.resource import Reading, Rows, columns

MOST_HOURS: Final = 32_767
CALIBRATED: Final = ("factor", "pairs", "typical_error", "measured_at", "known_since")
MEASURED: Final = (
    *("hours", "attempts", "answered", "error_rate", "ttft_p50_ms", "ttft_p95_ms", "total_p50_ms", "tokens_per_s"),
    "measured_at",
)


class TokenCalibrationRow(Struct):
    """How a model counts: our estimates of its tokens are multiplied by `factor`, which rests on `pairs` requests; a
    single one is off by `typical_error` all the same, a share."""

    id: int
    model: str
    factor: float
    pairs: int
    typical_error: float
    measured_at: datetime
    known_since: datetime


class LatencyProfileRow(Struct):
    """A deployment over the last `hours`, as routing reads it; null is too few samples to say. `tokens` is how its
    model counts, null where that was not measured."""

    id: int
    deployment: str
    hours: int
    attempts: int
    answered: int
    error_rate: float | None
    ttft_p50_ms: float | None
    ttft_p95_ms: float | None
    total_p50_ms: float | None
    tokens_per_s: float | None
    measured_at: datetime
    tokens: TokenCalibrationRow | None


def span(text: str) -> int:
    """A number of hours."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_HOURS):
        raise ValueError(text)
    return int(text)


@documented(LatencyProfileRow)
class Profiles(Reading):
    """Latency profiles, each with its model's token calibration."""

    model = LatencyProfile
    filters = {
        "provider": Filter("deployment__provider__name"),
        "model": Filter("deployment__model__name"),
        "hours": Filter("hours", span, f"a whole number from 1 to {MOST_HOURS}"),
    }
    orders = {"id": "id", "measured_at": "measured_at", "attempts": "attempts"}

    def rows(self) -> QuerySet[Any]:
        self.operator.require("profiling.view_tokencalibration")
        found = LatencyProfile.objects.exclude(deployment__provider__source__in=APART)
        return found.select_related("deployment__provider", "deployment__model")

    def told(self, rows: Rows) -> Rows:
        models = {row.deployment.model_id for row in rows}
        known = TokenCalibration.objects.filter(model__in=models).select_related("model")
        counted = {row.model_id: _calibration(row) for row in known}
        return [
            LatencyProfileRow(
                id=row.pk,
                deployment=str(row.deployment),
                tokens=counted.get(row.deployment.model_id),
                **columns(row, MEASURED),
            )
            for row in rows
        ]


@documented(TokenCalibrationRow)
class TokenCalibrations(Reading):
    """Token calibrations, also of models without a latency profile."""

    model = TokenCalibration
    filters = {"model": Filter("model__name")}
    orders = {"id": "id", "model": "model__name", "measured_at": "measured_at"}

    def rows(self) -> QuerySet[Any]:
        return TokenCalibration.objects.select_related("model")

    def told(self, rows: Rows) -> Rows:
        return [_calibration(row) for row in rows]


def _calibration(row: TokenCalibration) -> TokenCalibrationRow:
    return TokenCalibrationRow(id=row.pk, model=row.model.name, **columns(row, CALIBRATED))
