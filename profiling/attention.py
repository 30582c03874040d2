"""What about jobs needs an operator?"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count
from django.urls import reverse

from profiling.models import Job
from providers.attention import Notice


def notices(now: datetime) -> Iterator[Notice]:
    """Kinds of which a run has failed for good within a day."""
    failed = Job.objects.filter(state=Job.State.FAILED, finished_at__gt=now - timedelta(days=1)).order_by("kind")
    for kind, count in failed.values_list("kind").annotate(Count("id")):
        link = f"{reverse('admin:profiling_job_changelist')}?state__exact=failed&kind={kind}"
        yield Notice(
            f"{count} × {kind} failed", "What it measures or cleans is out of date.", link, "profiling.view_job"
        )
