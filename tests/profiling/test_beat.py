"""The beat: schedules made once and left to the operator, runs queued as rows, one beat at a time."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import current_app
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from profiling import leases
from profiling.beat import OneBeatScheduler
from profiling.jobs import job_kinds
from profiling.models import Job, Lease
from profiling.schedules import ensure_schedules

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TTL = timedelta(seconds=30)
pytestmark = pytest.mark.django_db(transaction=True)  # the beat closes its connections


@pytest.fixture
def beat() -> Iterator[Callable[[], Any]]:
    """Make beats; all are closed at the end, as a process does at its own."""
    made: list[Any] = []

    def make() -> Any:
        made.append(OneBeatScheduler(app=current_app))
        return made[-1]

    yield make
    for scheduler in made:
        scheduler.close()


def ticks(scheduler: Any) -> None:
    """Each tick looks at one schedule."""
    for _ in job_kinds():
        scheduler.tick()


def test_every_kind_gets_a_schedule_once() -> None:
    scheduled = {kind.name for kind in job_kinds().values() if kind.every}
    assert set(ensure_schedules()) == scheduled
    assert ensure_schedules() == []


def test_what_an_operator_edits_stays() -> None:
    ensure_schedules()
    hourly, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.HOURS)
    PeriodicTask.objects.filter(args='["discovery"]').update(name="mine", interval=hourly, enabled=False)
    assert ensure_schedules() == []
    task = PeriodicTask.objects.get(args='["discovery"]')
    assert (task.name, task.interval, task.enabled) == ("mine", hourly, False)


def test_the_first_tick_queues_every_kind_without_a_broker(beat: Callable[[], Any]) -> None:
    ticks(beat())
    assert set(Job.objects.values_list("kind", flat=True)) == {kind.name for kind in job_kinds().values() if kind.every}


def test_a_schedule_that_is_not_due_queues_nothing(beat: Callable[[], Any]) -> None:
    ensure_schedules()
    PeriodicTask.objects.update(last_run_at=timezone.now())
    ticks(beat())
    assert not Job.objects.exists()


def test_a_schedule_that_is_switched_off_queues_nothing(beat: Callable[[], Any]) -> None:
    ensure_schedules()
    PeriodicTask.objects.exclude(args='["vram"]').update(enabled=False)
    ticks(beat())
    assert list(Job.objects.values_list("kind", flat=True)) == ["vram"]


def test_a_schedule_of_an_unknown_kind_does_not_stop_the_others(beat: Callable[[], Any]) -> None:
    ensure_schedules()
    PeriodicTask.objects.filter(args='["vram"]').update(args='["gone"]')
    ticks(beat())
    assert Job.objects.filter(kind="clean_up").exists() and not Job.objects.filter(kind="gone").exists()


def test_a_second_beat_does_nothing_until_the_first_has_gone(beat: Callable[[], Any]) -> None:
    first, second = beat(), beat()
    ticks(first)
    first.sync()
    Job.objects.all().delete()
    PeriodicTask.objects.update(last_run_at=timezone.now() - timedelta(days=1))
    ticks(second)
    assert not Job.objects.exists()

    first.close()
    ticks(second)
    assert Job.objects.exists()


def test_a_lease_is_held_by_one_and_changes_hands_when_it_runs_out() -> None:
    assert leases.hold("beat", "a", NOW, TTL)
    assert not leases.hold("beat", "b", NOW + TTL, TTL)
    assert leases.hold("beat", "a", NOW + TTL, TTL)
    assert leases.hold("beat", "b", NOW + 3 * TTL, TTL)
    assert not leases.hold("beat", "a", NOW + 3 * TTL, TTL)


def test_only_its_holder_can_release_a_lease() -> None:
    leases.hold("beat", "a", NOW, TTL)
    leases.release("beat", "b")
    assert Lease.objects.filter(holder="a").exists()
    leases.release("beat", "a")
    assert leases.hold("beat", "b", NOW, TTL)
