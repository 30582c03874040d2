"""How does somebody ask for a run now, beside the schedule? Audited, and told to the workers once that is committed."""

from datetime import datetime

from django.db import transaction

from profiling.hints import ask_for
from profiling.models import Job
from providers import audit

OPEN = (Job.State.QUEUED, Job.State.RUNNING)


def ask_now(kind: str, actor: audit.Actor, now: datetime, reason: str = "") -> Job:
    """The run of `kind` that was queued, or the one that waited or ran already; raises `KeyError` for no such kind."""
    window = f"asked {now:%Y-%m-%dT%H:%M:%SZ}"
    with transaction.atomic():
        made = ask_for(kind, now, window)
        row = Job.objects.filter(kind=kind, window=window).first()
        row = row or Job.objects.filter(kind=kind, state__in=OPEN).order_by("-state", "-id").first()
        # Between the two looks a worker may have finished the one that waited: it ran after this wish, and answers it.
        row = row or Job.objects.filter(kind=kind).latest("id")
        if made:
            audit.record(actor, "asked for", row, {}, reason)
    return row
