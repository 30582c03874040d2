"""Take a model of a local server into memory or out of it, which may take minutes."""

import time
from typing import Any

import msgspec
from structlog.contextvars import bound_contextvars

from profiling.jobs.base import JobKind, Progress, Run
from profiling.localorders import Order
from providers import residency


class LocalModelAct(JobKind):
    """Loads, unloads or pins as somebody asked for it; a refusal is told once and not tried again."""

    name = "local_model"
    label = "Load or unload a local model"
    by_order = True
    tries = 1

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        order = msgspec.convert(run.order, Order)
        provider = residency.on_our_hardware().get(name=order.provider)
        began = time.monotonic()
        with bound_contextvars(request_id=order.request_id):
            residency.ACTS[order.verb](provider, order.model)
        return {"seconds": round(time.monotonic() - began, 1)}
