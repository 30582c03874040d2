"""How full is the memory of the GPUs?"""

from datetime import datetime

from msgspec import Struct

from dashboard.charts import Chart, Series
from dashboard.colours import COLOURS, OTHER
from dashboard.formatting import gibibytes
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from profiling.models import GpuSample
from profiling.selectors import GpuCourse, Missed, gpu_courses, last_missed

LITTLE = 0.1  # of a GPU's memory


class Card(Struct, frozen=True):
    """One GPU at its last sample; what the driver does not tell is None."""

    name: str
    sample: GpuSample
    taken: datetime
    free_bytes: int

    @property
    def little(self) -> bool:
        return self.free_bytes < LITTLE * self.sample.total_bytes


class GpuMemory(Struct, frozen=True):
    """`missed` says what was looked for where nothing was seen."""

    chart: Chart | None
    cards: tuple[Card, ...] = ()
    missed: Missed | None = None

    @property
    def full(self) -> tuple[str, ...]:
        """GPUs with little room."""
        return tuple(card.name for card in self.cards if card.little)


class GpuMemoryPanel(Panel):
    """Memory used per bucket and GPU, under a line of what each has."""

    name = "gpu_memory"
    title = "How full is the memory of the GPUs?"
    unit = "GiB, the most in each bucket"
    page = "local"
    order = 20
    formula = (
        "Every five minutes the worker asks NVIDIA's driver on its own machine, and Linux for GPUs of AMD. GPUs of "
        "machines without a worker, and of other makers, are not seen. The dashed line is all that a GPU has, the "
        "grey one leaves a tenth of it: room that the computation and other programs need. Samples are kept for "
        "seven days; the table is of each GPU's last one."
    )

    def data(self, scope: Scope) -> GpuMemory:
        found = scope.ask(gpu_courses, tuple((bucket.start, bucket.end) for bucket in scope.period.buckets))
        if not found:
            return GpuMemory(None, missed=last_missed())
        named = _named(found)
        series = [line for number, (name, one) in enumerate(named) for line in _lines(number, name, one)]
        now = "; ".join(f"{name} {gibibytes(_latest(one))} of {gibibytes(one.total_bytes)}" for name, one in named)
        chart = Chart(
            self.name, "bytes", scope.period.labels, tuple(series), f"Last seen: {now}.", stacked=False,
            partial=scope.period.partial,
        )  # fmt: skip
        return GpuMemory(chart, tuple(_card(name, one, scope) for name, one in named))


def _named(found: list[GpuCourse]) -> list[tuple[str, GpuCourse]]:
    """Each with a name of its own: machines often have several of one kind."""
    return [(f"{one.host} {number}: {one.name}", one) for number, one in enumerate(found)]


def _lines(number: int, name: str, one: GpuCourse) -> tuple[Series, ...]:
    colour = number if number < COLOURS else OTHER
    capacity = tuple(float(one.total_bytes) for _ in one.used_bytes)
    return (
        Series(name, one.used_bytes, colour, "line"),
        Series(f"{name}, all of it", capacity, colour, "line", dashed=True),
        Series(f"{name}, less a tenth", tuple((1 - LITTLE) * size for size in capacity), OTHER, "line", dashed=True),
    )


def _latest(one: GpuCourse) -> int:
    return next(used for used in reversed(one.used_bytes) if used is not None)


def _card(name: str, one: GpuCourse, scope: Scope) -> Card:
    sample = one.last
    return Card(name, sample, sample.taken_at.astimezone(scope.period.zone), sample.total_bytes - sample.used_bytes)
