"""What about jobs needs an operator?"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q
from django.urls import reverse

from profiling.jobs.money_sanity import MoneySanity
from profiling.models import Job
from providers.attention import Notice

SHOWN: Final = 10


def notices(now: datetime) -> Iterator[Notice]:
    """Kinds of which a run has failed for good within a day, and what the last check of money found; one query."""
    ended = Job.objects.filter(finished_at__gt=now - timedelta(days=1)).order_by("-finished_at")
    told = ended.filter(Q(state=Job.State.FAILED) | Q(state=Job.State.DONE, kind=MoneySanity.name))
    failed, checks = Counter[str](), list[tuple[int, Any]]()
    for pk, kind, state, result in told.values_list("pk", "kind", "state", "result"):
        if state == Job.State.FAILED:
            failed[kind] += 1
        else:
            checks.append((pk, result))
    yield from _failed(failed)
    if checks:
        yield from _money(*checks[0])


def _failed(failed: Mapping[str, int]) -> Iterator[Notice]:
    for kind, count in sorted(failed.items()):
        link = f"{reverse('admin:profiling_job_changelist')}?state__exact=failed&kind={kind}"
        effect = "What it measures or cleans is out of date."
        yield Notice(f"{count} × {kind} failed", effect, link, "profiling.view_job", "job", "The runs")


def _money(pk: int, result: Any) -> Iterator[Notice]:
    link = reverse("admin:profiling_job_change", args=[pk])
    for finding in (result or {}).get("findings", [])[:SHOWN]:
        about = finding.get("about", "")
        yield Notice(finding["what"], finding["effect"], link, "profiling.view_job", "figures", "The check", about)
