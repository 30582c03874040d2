"""How full is the memory of the GPUs?"""

from msgspec import Struct

from dashboard.charts import Chart, Series
from dashboard.colours import COLOURS, OTHER
from dashboard.formatting import gibibytes
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from profiling.selectors import GpuCourse, gpu_courses

LITTLE = 0.1  # of a GPU's memory


class GpuMemory(Struct, frozen=True):
    chart: Chart | None
    full: tuple[str, ...] = ()  # GPUs with little room


class GpuMemoryPanel(Panel):
    """Memory used per bucket and GPU, under a line of what each has."""

    name = "gpu_memory"
    title = "How full is the memory of the GPUs?"
    unit = "GiB, the most in each bucket"
    page = "local"
    order = 20
    formula = (
        "Every five minutes the worker asks NVIDIA's driver on its own machine. GPUs of other machines and of other "
        "makers are not seen. Samples are kept for seven days."
    )

    def data(self, scope: Scope) -> GpuMemory:
        found = gpu_courses([(bucket.start, bucket.end) for bucket in scope.period.buckets])
        if not found:
            return GpuMemory(None)
        named = _named(found)
        series = [line for number, (name, one) in enumerate(named) for line in _lines(number, name, one)]
        now = "; ".join(f"{name} {gibibytes(_latest(one))} of {gibibytes(one.total_bytes)}" for name, one in named)
        chart = Chart(
            self.name, "bytes", scope.period.labels, tuple(series), f"Last seen: {now}.", stacked=False,
            partial=scope.period.partial,
        )  # fmt: skip
        return GpuMemory(chart, tuple(name for name, one in named if _is_full(one)))


def _named(found: list[GpuCourse]) -> list[tuple[str, GpuCourse]]:
    """Each with a name of its own: machines often have several of one kind."""
    return [(f"{one.host} {number}: {one.name}", one) for number, one in enumerate(found)]


def _lines(number: int, name: str, one: GpuCourse) -> tuple[Series, Series]:
    colour = number if number < COLOURS else OTHER
    capacity = tuple(float(one.total_bytes) for _ in one.used_bytes)
    return (
        Series(name, one.used_bytes, colour, "line"),
        Series(f"{name}, all of it", capacity, colour, "line", dashed=True),
    )


def _latest(one: GpuCourse) -> int:
    return next(used for used in reversed(one.used_bytes) if used is not None)


def _is_full(one: GpuCourse) -> bool:
    return one.total_bytes - _latest(one) < LITTLE * one.total_bytes
