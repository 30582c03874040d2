"""Running what is due: results, failures with their reason, leases that are kept alive."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from profiling import jobrows
from profiling.hints import ask_for
from profiling.jobs import job_kinds
from profiling.models import Job
from profiling.runner import LeaseKeeper, run_due


@pytest.fixture
def nothing_to_find(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("OLLAMA_URL", "LM_STUDIO_URL", "LLAMA_CPP_URL"):
        monkeypatch.setenv(name, "off")
    return monkeypatch


@pytest.mark.django_db
def test_every_kind_runs(nothing_to_find: pytest.MonkeyPatch) -> None:
    kinds = [name for name, kind in job_kinds().items() if not kind.by_order]
    for kind in kinds:
        jobrows.enqueue(kind, timezone.now())
    assert run_due() == len(kinds)
    left = Job.objects.exclude(state="done").values_list("kind", "state", "message")
    assert list(left) == []
    assert all(isinstance(result, dict) for result in Job.objects.values_list("result", flat=True))


@pytest.mark.django_db
def test_a_failure_says_why_and_the_job_waits(nothing_to_find: pytest.MonkeyPatch) -> None:
    nothing_to_find.setenv("OLLAMA_URL", "ftp://wrong")
    jobrows.enqueue("discovery", timezone.now())
    run_due()
    job = Job.objects.get()
    assert job.state == "queued" and job.due_at > timezone.now()
    assert "OLLAMA_URL" in job.message


@pytest.mark.django_db
def test_a_person_may_ask_for_a_run_of_its_own() -> None:
    now = timezone.now()
    assert ask_for("clean_up", now)
    Job.objects.update(state="done")
    assert not ask_for("clean_up", now)
    assert ask_for("clean_up", now, window="asked 12:00:01")


@pytest.mark.django_db
def test_asking_for_a_run_ends_its_pause() -> None:
    now = timezone.now()
    ask_for("clean_up", now)
    Job.objects.update(due_at=now + timedelta(hours=1))
    ask_for("clean_up", now)
    assert Job.objects.get().due_at > now
    ask_for("clean_up", now, window="asked 12:00:01")
    assert Job.objects.get().due_at == now


@pytest.mark.django_db(transaction=True)
def test_a_lease_is_extended_until_the_job_is_done() -> None:
    jobrows.enqueue("clean_up", timezone.now())
    lease = timedelta(seconds=0.3)
    leased = jobrows.take("me", timezone.now(), lease)
    assert leased
    first_until = Job.objects.get().lease_until
    keeper = LeaseKeeper(leased, lease)
    keeper.start()
    deadline = time.monotonic() + 20
    while Job.objects.get().lease_until == first_until and time.monotonic() < deadline:
        time.sleep(0.02)
    keeper.stop()
    assert Job.objects.get().lease_until > first_until
    assert not keeper.is_alive()
