"""What about jobs needs an operator?"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, Final

from django.db.models import Q
from django.urls import reverse

from profiling.jobs import job_kinds
from profiling.jobs.base import JobKind
from profiling.jobs.money_sanity import MoneySanity
from profiling.models import GpuSample, Job
from providers.attention import Notice

SHOWN: Final = 10
HEADROOM: Final = 0.1  # of a GPU's memory, free
FRESH: Final = timedelta(minutes=15)  # three samples
LOOKED_BACK: Final = timedelta(days=1)


def notices(now: datetime) -> Iterator[Notice]:
    """Kinds of which a run has failed for good within a day, what the last check of money found, and GPUs that are
    full; two queries."""
    yield from _memory(now)
    ended = Job.objects.filter(finished_at__gt=now - timedelta(days=1)).order_by("-finished_at")
    told = ended.filter(Q(state=Job.State.FAILED) | Q(state=Job.State.DONE, kind=MoneySanity.name))
    failed, checks = defaultdict[str, list[datetime]](list), list[tuple[int, Any]]()
    for pk, kind, state, result, finished in told.values_list("pk", "kind", "state", "result", "finished_at"):
        if state == Job.State.FAILED and finished is not None:
            failed[kind].append(finished)
        else:
            checks.append((pk, result))
    yield from _failed(failed)
    if checks:
        yield from _money(*checks[0])


def _failed(failed: Mapping[str, list[datetime]]) -> Iterator[Notice]:
    for kind, instants in sorted(failed.items()):
        link = f"{reverse('admin:profiling_job_changelist')}?state__exact=failed&kind={kind}"
        effect = (job_kinds().get(kind) or JobKind).lost
        yield Notice(
            f"{len(instants)} × {kind} failed",
            effect,
            link,
            "profiling.view_job",
            "job",
            "The runs",
            f"job {kind}",
            min(instants),
        )


def _money(pk: int, result: Any) -> Iterator[Notice]:
    link = reverse("admin:profiling_job_change", args=[pk])
    for finding in (result or {}).get("findings", [])[:SHOWN]:
        about = finding.get("about") or finding["what"]
        yield Notice(
            finding["what"],
            finding["effect"],
            link,
            "profiling.view_job",
            "figures",
            "The check",
            about,
            requests=finding.get("requests"),
        )


def _memory(now: datetime) -> Iterator[Notice]:
    """GPUs that are full at their last sample, since the first of the unbroken row of such samples of a day."""
    courses: dict[tuple[str, str], list[GpuSample]] = {}
    for row in GpuSample.objects.filter(taken_at__gt=now - LOOKED_BACK, taken_at__lte=now).order_by("-taken_at"):
        courses.setdefault((row.host, row.gpu), []).append(row)
    for samples in courses.values():
        newest = samples[0]
        full = list(takewhile(lambda row: _headroom(row) < HEADROOM, samples))
        if full and now - newest.taken_at < FRESH:
            gpu = f"{newest.name} on {newest.host}"
            what = f"{gpu}: {_headroom(newest) * 100:.0f} % of its memory is free"
            effect = "A model that is not loaded may not fit, or push out another."
            yield Notice(
                what,
                effect,
                reverse("dashboard:local"),
                "",
                "full",
                "What is in memory",
                f"gpu {newest.host} {newest.gpu}",
                full[-1].taken_at,
                shared=True,
            )


def _headroom(sample: GpuSample) -> float:
    """The share of its memory that is free; all of it where a GPU does not say what it has."""
    return 1 - sample.used_bytes / sample.total_bytes if sample.total_bytes else 1.0
