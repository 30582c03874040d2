"""Keep a sample of each GPU of the worker's machine."""

import socket
from datetime import timedelta
from typing import Any

from django.utils import timezone

from profiling import gpus
from profiling.jobs.base import JobKind, Progress, Run
from profiling.models import GpuSample


class Vram(JobKind):
    """Reads how much memory of each GPU is in use; on a machine without one it says so and does nothing."""

    name = "vram"
    label = "Sample the GPUs"
    every = timedelta(minutes=5)

    def run(self, run: Run, progress: Progress) -> dict[str, Any]:
        seen, now, host = gpus.read(), timezone.now(), socket.gethostname()
        GpuSample.objects.bulk_create(
            GpuSample(
                taken_at=now,
                host=host,
                gpu=gpu.uuid,
                name=gpu.name,
                used_bytes=gpu.used_bytes,
                total_bytes=gpu.total_bytes,
                busy_percent=gpu.busy_percent,
                power_w=gpu.power_w,
                power_limit_w=gpu.power_limit_w,
                temperature_c=gpu.temperature_c,
            )
            for gpu in seen.gpus
        )
        return {"gpus": len(seen.gpus), "reason": seen.reason}
