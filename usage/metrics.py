"""How do the counters of many processes become one page for Prometheus, and stay small?

prometheus-client keeps one file per kind and process. `exposition` adds them up; `sweep` folds the files of dead
processes into one, because a counter that forgets a worker would go back, and one file per worker ever started would
grow without end. A lock keeps the two apart; a plan on disk lets a sweep that was killed be finished, never repeated.
Processes that share the directory must share one PID namespace.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from django.conf import settings
from msgspec import Struct
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from usage import spool

_LOCK: Final = "sweep.lock"
_PLAN: Final = "sweep.json"
_SUMMED: Final = ("counter", "histogram", "summary")


class _Plan(Struct):
    """The last steps of a sweep: `draft` becomes `total`, then `absorbed` go."""

    draft: str
    total: str
    absorbed: list[str]


class SpoolCollector(Collector):
    """The journal's backlog, measured when asked, so that it is true when the shipper is dead."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterator[Metric]:
        found = spool.backlog(self._directory)
        rows, age = "llm_journal_backlog_rows", "llm_journal_backlog_age_seconds"
        yield GaugeMetricFamily(rows, "Journalled outcomes that wait to be shipped.", value=found.rows)
        yield GaugeMetricFamily(age, "Age of the oldest of them.", value=found.oldest_age_s)
        free = spool.free_bytes(self._directory) if self._directory.exists() else 0
        yield GaugeMetricFamily("llm_journal_disk_free_bytes", "What is left of the journal's disk.", value=free)


def exposition(
    directory: Path | None = None, spool_directory: Path | None = None, more: Iterable[Collector] = ()
) -> tuple[bytes, str]:
    """The page and its content type: all families of all processes, living and dead, added up, and what `more` sees."""
    directory = directory or _directory()
    if (directory / _PLAN).exists():
        sweep(directory)
    registry = CollectorRegistry()
    registry.register(SpoolCollector(spool_directory or Path(settings.VAR_DIR) / spool.NAME))
    for collector in more:
        registry.register(collector)
    with _locked(directory, fcntl.LOCK_SH):
        MultiProcessCollector(registry, path=str(directory))
        return generate_latest(registry), CONTENT_TYPE_LATEST


def sweep(directory: Path | None = None) -> None:
    """Fold the counters of dead processes into one file per kind; forget their gauges."""
    directory = directory or _directory()
    with _locked(directory, fcntl.LOCK_EX):
        _finish(directory)
        dead = [path for path in directory.glob("*_*.db") if _is_dead(path)]
        for kind in _SUMMED:
            _absorb(directory, kind, [path for path in dead if path.name.startswith(f"{kind}_")])
        for path in dead:
            if path.name.startswith("gauge_"):
                path.unlink()


def _directory() -> Path:
    return Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])


def _absorb(directory: Path, kind: str, files: list[Path]) -> None:
    if not files:
        return
    total, draft = directory / f"{kind}_dead.db", directory / f"{kind}_dead.draft"
    draft.unlink(missing_ok=True)
    _write(draft, [*files, total] if total.exists() else files)
    plan = _Plan(draft.name, total.name, [path.name for path in files])
    written = directory / f"{_PLAN}.new"
    written.write_bytes(msgspec.json.encode(plan))
    os.replace(written, directory / _PLAN)
    _finish(directory)


def _write(draft: Path, files: list[Path]) -> None:
    """Add the values of the files up and write them in the same format."""
    store = MmapedDict(str(draft))
    for metric in MultiProcessCollector.merge([str(path) for path in files], accumulate=False):
        for sample in metric.samples:
            labels = dict(sample.labels)
            key = mmap_key(metric.name, sample.name, list(labels), list(labels.values()), metric.documentation)
            store.write_value(key, sample.value, 0.0)
    store.close()


def _finish(directory: Path) -> None:
    """Take the last steps of the plan on disk, if there is one; each may have been taken before."""
    path = directory / _PLAN
    if not path.exists():
        return
    plan = msgspec.json.decode(path.read_bytes(), type=_Plan)
    if (directory / plan.draft).exists():
        os.replace(directory / plan.draft, directory / plan.total)
    for name in plan.absorbed:
        (directory / name).unlink(missing_ok=True)
    path.unlink()


def _is_dead(path: Path) -> bool:
    """Whether the file's process is gone; a number that another process has by now keeps the file a while longer."""
    pid = path.stem.rpartition("_")[2]
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


@contextmanager
def _locked(directory: Path, mode: int) -> Iterator[None]:
    with (directory / _LOCK).open("a") as held:
        fcntl.flock(held, mode)
        yield
