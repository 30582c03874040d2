"""Do an act of the admin to more rows than one request should."""

from typing import Any

import msgspec
from django.apps import apps
from structlog.contextvars import bound_contextvars

from profiling.jobs.base import JobKind, Progress, Run
from providers import bulk


class BulkAct(JobKind):
    """Carries out what somebody did to many rows at once, chunk by chunk, under the request that asked for it."""

    name = "bulk_act"
    label = "Bulk act"
    by_order = True

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        order = msgspec.convert(run.order, bulk.Order)
        rows = apps.get_model(order.model)._base_manager.select_related()  # what the names of rows are made of
        with bound_contextvars(request_id=order.request_id):
            done = bulk.carry_out(order, rows, progress)
        return {"changed": done.changed, "as_before_or_gone": done.total - done.changed}
