"""What about jobs needs an operator?"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count
from django.urls import reverse

from profiling.jobs.money_sanity import MoneySanity
from profiling.models import Job
from providers.attention import Notice

SHOWN: Final = 10


def notices(now: datetime) -> Iterator[Notice]:
    """Kinds of which a run has failed for good within a day, and what the last check of money found."""
    yield from _failed(now)
    yield from _money(now)


def _failed(now: datetime) -> Iterator[Notice]:
    failed = Job.objects.filter(state=Job.State.FAILED, finished_at__gt=now - timedelta(days=1)).order_by("kind")
    for kind, count in failed.values_list("kind").annotate(Count("id")):
        link = f"{reverse('admin:profiling_job_changelist')}?state__exact=failed&kind={kind}"
        effect = "What it measures or cleans is out of date."
        yield Notice(f"{count} × {kind} failed", effect, link, "profiling.view_job", "job", "The runs")


def _money(now: datetime) -> Iterator[Notice]:
    done = Job.objects.filter(kind=MoneySanity.name, state=Job.State.DONE, finished_at__gt=now - timedelta(days=1))
    last = done.order_by("-finished_at").first()
    link = reverse("admin:profiling_job_change", args=[last.pk]) if last else ""
    for finding in ((last and last.result) or {}).get("findings", [])[:SHOWN]:
        about = finding.get("about", "")
        yield Notice(finding["what"], finding["effect"], link, "profiling.view_job", "figures", "The check", about)
