"""What Celery calls."""

from celery import shared_task
from django.utils import timezone

from profiling.hints import LOOK, ask_for
from profiling.runner import run_due
from profiling.schedules import ENQUEUE


@shared_task(name=LOOK, ignore_result=True)
def look() -> None:
    """Run what is due."""
    run_due()


@shared_task(name=ENQUEUE, ignore_result=True)
def enqueue(kind: str) -> None:
    """Queue one run of a kind: what a schedule does, when a person sends it by hand in admin."""
    ask_for(kind, timezone.now())
