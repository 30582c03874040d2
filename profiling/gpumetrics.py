"""How full are the GPUs, for Prometheus? What the job workers sampled last, wherever they run, read when asked."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from django.db import DatabaseError, InterfaceError
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from profiling.selectors import newest_gpu_samples

FRESH: Final = timedelta(minutes=15)  # three samples; of a GPU that nobody sees any more nothing is said
_LABELS: Final = ("host", "gpu", "name")


class GpuCollector(Collector):
    """Memory in bytes, load as a share of 1; nothing of GPUs not sampled lately, or while the database is away."""

    def describe(self) -> list[Metric]:
        """Nothing: a registry would otherwise collect, and ask the database, to learn the names."""
        return []

    def collect(self) -> Iterator[Metric]:
        used = GaugeMetricFamily("llm_vram_used_bytes", "Memory of a GPU in use at the last sample.", labels=_LABELS)
        total = GaugeMetricFamily("llm_vram_total_bytes", "Memory of a GPU.", labels=_LABELS)
        power = GaugeMetricFamily("llm_gpu_power_watts", "Power of a GPU at the last sample.", labels=_LABELS)
        heat = GaugeMetricFamily("llm_gpu_temperature_celsius", "Heat of a GPU at the last sample.", labels=_LABELS)
        busy = GaugeMetricFamily("llm_gpu_busy_ratio", "How busy a GPU was at the last sample.", labels=_LABELS)
        try:
            samples = newest_gpu_samples(timezone.now() - FRESH)
        except (DatabaseError, InterfaceError):  # the other families do not need it, and tell what is wrong
            return
        for sample in samples:
            labels = (sample.host, sample.gpu, sample.name)
            used.add_metric(labels, sample.used_bytes)
            total.add_metric(labels, sample.total_bytes)
            if sample.busy_percent is not None:
                busy.add_metric(labels, sample.busy_percent / 100)
            if sample.power_w is not None:
                power.add_metric(labels, sample.power_w)
            if sample.temperature_c is not None:
                heat.add_metric(labels, sample.temperature_c)
        yield from (used, total, busy, power, heat)
