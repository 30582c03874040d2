"""Who takes the acts that are too much for one request? A job, whose row has the order and shows how far it is."""

import msgspec
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from profiling.hints import ask_for
from profiling.jobs.bulk_act import BulkAct
from profiling.models import Job
from providers.bulk import Order, Queued


def queue(order: Order) -> Queued:
    """Queue the act at once; every act is a run of its own."""
    now = timezone.now()
    window = f"{now:%Y-%m-%dT%H:%M:%S.%fZ} {order.model}"[:64]
    with transaction.atomic():
        ask_for(BulkAct.name, now, window, msgspec.to_builtins(order))
        row = Job.objects.get(kind=BulkAct.name, window=window)
    return Queued(str(row), reverse("admin:profiling_job_change", args=[row.pk]), "profiling.view_job")
