"""Which models shared the memory of the GPUs, and when did each get in or out?"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from dashboard.charts import Chart, Series, coloured
from dashboard.colours import COLOURS, NOT_ENTITIES, colours_of
from dashboard.formatting import counted, gibibytes
from dashboard.panels.base import Panel
from dashboard.scope import Scope
from profiling.memory import Memory, ModelCourse, Move, memory
from profiling.models import ModelStay
from profiling.selectors import GpuCourse, gpu_courses

LITTLE: Final = 0.1  # of what the GPUs have: room for computation and other programs
LISTED: Final = 20  # moves below the chart
OTHER: Final = "Other"
Values = tuple[float | None, ...]


class ModelMemory(Struct, frozen=True):
    """`silent` are models whose server does not say how much VRAM they take."""

    chart: Chart | None
    moves: tuple[Move, ...] = ()
    more_moves: int = 0
    silent: tuple[str, ...] = ()
    looked_at: datetime | None = None
    capacity: bool = False


class ModelMemoryPanel(Panel):
    """A layer per model, under the lines of what the GPUs have and of what is prudent."""

    name = "model_memory"
    title = "Which models shared the VRAM?"
    unit = "GiB, at the fullest moment of each bucket"
    page = "local"
    order = 15
    formula = (
        "Once a minute a job asks each local server what it has in memory; a layer is the part of a model on the GPU, "
        "as its server says. Of each bucket the moment is drawn when all of them together took most. A mark stands "
        "where a look first saw a model, or last saw it: up to a minute after it got in, or before it got out. The "
        "dashed line is all that the GPUs of the workers' machines have together, the grey one leaves a tenth of it; "
        "what the GPUs say is in use is also the computation's and other programs'. Nobody says which GPU a model is "
        "on. Kept for seven days."
    )

    def data(self, scope: Scope) -> ModelMemory:
        buckets = tuple((bucket.start, bucket.end) for bucket in scope.period.buckets)
        found, gpus = memory(buckets), scope.ask(gpu_courses, buckets)
        name = _namer(found)
        silent = tuple(name(one) for one in found.courses if not one.told)
        moves = tuple(_local(move, scope) for move in found.moves[:LISTED])
        return ModelMemory(
            _chart(self.name, found, gpus, scope), moves, len(found.moves) - len(moves), silent,
            found.looked_at and found.looked_at.astimezone(scope.period.zone), bool(gpus),
        )  # fmt: skip


def _chart(panel: str, found: Memory, gpus: Sequence[GpuCourse], scope: Scope) -> Chart | None:
    told = [one for one in found.courses if one.told]
    if not told:
        return None
    layers = _layers(told, _namer(found))
    series = (
        *coloured(layers, "area", colours_of(layers, scope.board.colours)),
        *_marks(found, layers, scope),
        *_lines(gpus),
    )
    sentence = _sentence(found, gpus, len(told))
    return Chart(panel, "bytes", scope.period.labels, series, sentence, partial=scope.period.partial)


def _layers(told: Iterable[ModelCourse], name: "Namer") -> Mapping[str, Values]:
    """The six that took most, the heaviest at the bottom, and all others together."""
    ordered = sorted(told, key=lambda one: -sum(size or 0 for size in one.vram_bytes))
    layers: dict[str, Values] = {name(one): one.vram_bytes for one in ordered[:COLOURS]}
    if rest := ordered[COLOURS:]:
        layers[OTHER] = tuple(_sum(sizes) for sizes in zip(*(one.vram_bytes for one in rest), strict=True))
    return layers


def _sum(sizes: Iterable[float | None]) -> float | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if known else None


def _marks(found: Memory, layers: Mapping[str, Values], scope: Scope) -> tuple[Series, ...]:
    """Triangles on top of the layers, named by the models that got in or out."""
    tops = [_sum(sizes) or 0.0 for sizes in zip(*layers.values(), strict=True)]
    name, buckets = _namer(found), scope.period.buckets
    marks = []
    for loaded, label in ((True, "got in"), (False, "got out")):
        names: list[list[str]] = [[] for _ in tops]
        for move in reversed(found.moves):
            if move.loaded is loaded:
                place = next(i for i, bucket in enumerate(buckets) if move.at < bucket.end)
                names[place].append(name(move))
        values = tuple(top if said else None for top, said in zip(tops, names, strict=True))
        says = tuple(", ".join(dict.fromkeys(said)) for said in names)
        state = "ok" if loaded else "warn"
        marks.append(Series(label, values, state, "line", dots=True, points="up" if loaded else "down", says=says))
    return tuple(mark for mark in marks if any(mark.says))


def _lines(gpus: Sequence[GpuCourse]) -> tuple[Series, ...]:
    if not gpus:
        return ()
    total = float(sum(one.total_bytes for one in gpus))
    count = len(gpus[0].used_bytes)
    used = tuple(_sum(sizes) for sizes in zip(*(one.used_bytes for one in gpus), strict=True))
    return (
        Series("in use, as the GPUs say", used, COLOURS, "line"),
        Series("all that the GPUs have", (total,) * count, "bad", "line", dashed=True),
        Series("less a tenth", ((1 - LITTLE) * total,) * count, COLOURS, "line", dashed=True),
    )


def _sentence(found: Memory, gpus: Sequence[GpuCourse], told: int) -> str:
    """`At the last look: a 5.20 GiB, b 3.10 GiB, together 8.30 GiB of 24.0 GiB. 2 times a model got in, ...`"""
    name = _namer(found)
    sizes = [(name(row), row.vram_bytes) for row in found.last if row.vram_bytes is not None]
    now = ", ".join(f"{who} {gibibytes(size)}" for who, size in sorted(sizes))
    now = now or ("nothing whose size is told" if found.last else "nothing")
    whole = f" of {gibibytes(sum(one.total_bytes for one in gpus))}" if gpus and sizes else ""
    together = f", together {gibibytes(sum(size for _, size in sizes))}" if len(sizes) > 1 else ""
    loads = sum(move.loaded for move in found.moves)
    moved = f"In this range models got in {counted(loads, 'time')} and out {counted(len(found.moves) - loads, 'time')}."
    shown = f" Drawn: the {COLOURS} of {told} that took most, and {OTHER}." if told > COLOURS else ""
    return f"At the last look: {now}{together}{whole}. {moved}{shown}"


class Namer(Struct, frozen=True):
    """Names a model, and its server where there are several."""

    several: bool

    def __call__(self, one: ModelCourse | Move | ModelStay) -> str:
        return f"{one.provider}: {one.model}" if self.several or one.model in NOT_ENTITIES else one.model


def _namer(found: Memory) -> Namer:
    return Namer(len({one.provider for one in found.courses}) > 1)


def _local(move: Move, scope: Scope) -> Move:
    return Move(move.at.astimezone(scope.period.zone), move.provider, move.model, move.loaded, move.vram_bytes)
