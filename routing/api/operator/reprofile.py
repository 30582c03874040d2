"""/api/admin/reprofile: ask for the jobs that measure profiles and calibrations, and see how they go."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from msgspec import Meta, Struct

from profiling.asked import ask_now
from profiling.jobs.latency_profile import LatencyProfiling
from profiling.jobs.token_calibration import TokenCalibrating
from profiling.models import Job
from routing.api.operator.applying import fitted
from routing.api.operator.documents import ONCE, Reason, answer, component, documented
from routing.api.operator.paging import Filter
from routing.api.operator.resource import Reading, Rows, columns

PLACE: Final = "/api/admin/reprofile"
KINDS: Final = (LatencyProfiling.name, TokenCalibrating.name)
Kind = Literal["latency_profile", "token_calibration"]


class MeasuringJob(Struct):
    """One run of a job. `progress` is 0 to 1, `result` what it found, null before its end; `address` tells this row
    again, `page` is the one in admin."""

    id: int
    kind: str
    window: str
    state: str
    progress: float
    message: str
    attempts: int
    result: dict[str, Any] | None
    due_at: datetime
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    address: str
    page: str


class Reprofiling(Reason):
    """What is to be measured anew: both unless it says so."""

    kinds: Annotated[tuple[Kind, ...], Meta(min_length=1, max_length=2)] = ("latency_profile", "token_calibration")


class MeasuringJobs(Struct):
    """The jobs that measure; one that waited or ran already stands for itself."""

    object: str
    data: list[MeasuringJob]


EXAMPLE: Final = {"kinds": ["latency_profile"], "reason": "acme has new hardware"}


@documented(MeasuringJob)
class Reprofile(Reading):
    """Runs of the jobs that measure latency and how models count tokens."""

    model = Job
    filters = {"kind": Filter("kind"), "state": Filter("state")}
    orders = {"id": "id", "due_at": "due_at"}

    def rows(self) -> QuerySet[Any]:
        return Job.objects.filter(kind__in=KINDS)

    def told(self, rows: Rows) -> Rows:
        return [_told(row) for row in rows]

    @extend_schema(
        operation_id="reprofile",
        summary="Measure latency profiles and token calibrations anew",
        description="Queues the jobs beside their schedules; a worker takes them within seconds, and routing follows "
        "once they are done. What is measured is the traffic of the last hour and day: no upstream is asked.",
        parameters=[ONCE],
        request={"application/json": component(Reprofiling)},
        examples=[OpenApiExample("Latency alone", value=EXAMPLE, request_only=True)],
        responses=answer(component(MeasuringJobs), "Queued", 400, 422, status=202),
    )
    def create(self, request: HttpRequest) -> HttpResponse:
        self.operator.require(self.right("add"))
        wish = fitted(self.data(), Reprofiling)
        now = timezone.now()
        with transaction.atomic():
            rows = [ask_now(kind, self.operator.actor, now, wish.reason) for kind in dict.fromkeys(wish.kinds)]
        told = self.told(rows)
        return self.json(MeasuringJobs("list", told), 202, location=told[0].address)


def _told(row: Job) -> MeasuringJob:
    told = columns(row, MeasuringJob.__struct_fields__[:-2])
    page = reverse("admin:profiling_job_change", args=[row.pk])
    return MeasuringJob(**told, address=f"{PLACE}/{row.pk}", page=page)
