"""What did we measure? What routing reads, in memory, reloaded when the revision of its part moves."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from profiling.models import GpuSample, Job, LatencyProfile, TokenCalibration

EVIDENCE: Final = "evidence"  # the part of `providers.revisions` that every new profile moves
CALIBRATION: Final = "calibration"  # the part that every new factor moves
ENOUGH: Final = 20  # attempts that say something of a deployment; fewer in the short span, and the long one speaks


class LatencyEvidence(Struct, frozen=True):
    """One deployment over the last `hours`: medians of `n` attempts. None is unknown."""

    hours: int
    n: int
    ttft_ms: float | None = None
    ttft_p95_ms: float | None = None
    total_ms: float | None = None
    tokens_per_s: float | None = None
    error_rate: float | None = None
    measured_at: datetime | None = None


class GpuCourse(Struct, frozen=True):
    """One GPU over a range: the most memory used in each bucket, in bytes, None without a sample."""

    name: str
    host: str
    gpu: str  # its UUID
    total_bytes: int
    used_bytes: tuple[int | None, ...]
    last: GpuSample


def gpu_courses(buckets: Sequence[tuple[datetime, datetime]]) -> list[GpuCourse]:
    """Each GPU that was sampled within the buckets, which follow one another, in one query."""
    starts = [start for start, _ in buckets]
    rows = GpuSample.objects.filter(taken_at__gte=starts[0], taken_at__lt=buckets[-1][1]).order_by("taken_at")
    most: dict[str, list[int | None]] = {}
    last: dict[str, GpuSample] = {}
    for row in rows:
        course, place = most.setdefault(row.gpu, [None] * len(starts)), bisect_right(starts, row.taken_at) - 1
        course[place] = max(course[place] or 0, row.used_bytes)
        last[row.gpu] = row
    found = [GpuCourse(r.name, r.host, gpu, r.total_bytes, tuple(most[gpu]), r) for gpu, r in last.items()]
    return sorted(found, key=lambda one: (one.host, one.name))


class Missed(Struct, frozen=True):
    """A look for GPUs that found none: why, and when."""

    reason: str
    at: datetime


def last_missed() -> Missed | None:
    """The newest look at this installation's GPUs, where it saw none; None: it saw some, or nobody has looked yet."""
    done = Job.objects.filter(kind="vram", state=Job.State.DONE).order_by("-id").first()
    reason = (done.result or {}).get("reason") if done else None
    return Missed(str(reason), done.finished_at) if done and done.finished_at and reason else None


def newest_gpu_samples(since: datetime) -> list[GpuSample]:
    """The last sample of each GPU that has been looked at since then, in one query."""
    rows = GpuSample.objects.filter(taken_at__gte=since).order_by("taken_at")
    return list({(row.host, row.gpu): row for row in rows}.values())


def latency_profiles() -> dict[int, LatencyEvidence]:
    """The evidence of each deployment that was called, by its id.

    It is that of the shortest span with enough attempts; what that one cannot say, a longer one does.
    """
    found: dict[int, LatencyEvidence] = {}
    for row in LatencyProfile.objects.order_by("hours"):
        shorter = found.get(row.deployment_id)
        enough = shorter is not None and shorter.n >= ENOUGH
        found[row.deployment_id] = _filled(shorter, row) if shorter and enough else _evidence(row)
    return found


def token_factors() -> dict[int, float]:
    """Tokens of a prompt reported for each that we estimate, by the model's id."""
    return dict(TokenCalibration.objects.values_list("model_id", "factor"))


def calibrated_since(start: datetime) -> dict[str, datetime]:
    """The models that were calibrated for the first time after `start`, each with when that was."""
    young = TokenCalibration.objects.filter(known_since__gt=start)
    return dict(young.values_list("model__name", "known_since"))


def _filled(shorter: LatencyEvidence, row: LatencyProfile) -> LatencyEvidence:
    """`shorter`, with the longer span's figure wherever it has none."""
    longer = _evidence(row)
    missing = {name: getattr(longer, name) for name in shorter.__struct_fields__ if getattr(shorter, name) is None}
    return replace(shorter, **missing)


def _evidence(row: LatencyProfile) -> LatencyEvidence:
    return LatencyEvidence(
        hours=row.hours,
        n=row.attempts,
        ttft_ms=row.ttft_p50_ms,
        ttft_p95_ms=row.ttft_p95_ms,
        total_ms=row.total_p50_ms,
        tokens_per_s=row.tokens_per_s,
        error_rate=row.error_rate,
        measured_at=row.measured_at,
    )
