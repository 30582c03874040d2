"""Job rows: one run per window, one worker per job, a pause after a failure, an end for what always fails."""

from datetime import UTC, datetime, timedelta

import pytest

from profiling import jobrows
from profiling.jobrows import LeaseLost
from profiling.jobs import job_kinds
from profiling.models import Job

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
LEASE = timedelta(seconds=30)
pytestmark = pytest.mark.django_db


def queued(kind: str = "clean_up", now: datetime = NOW) -> Job:
    jobrows.enqueue(kind, now)
    return Job.objects.get(kind=kind, state="queued")


def test_a_kind_runs_once_per_window() -> None:
    assert jobrows.enqueue("clean_up", NOW)
    Job.objects.update(state="done")

    assert not jobrows.enqueue("clean_up", NOW + timedelta(seconds=20))
    assert jobrows.enqueue("clean_up", NOW + timedelta(seconds=40))


def test_runs_do_not_pile_up_while_no_worker_is_there() -> None:
    assert jobrows.enqueue("clean_up", NOW)
    assert not jobrows.enqueue("clean_up", NOW + timedelta(hours=1))
    assert Job.objects.count() == 1


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(KeyError):
        jobrows.enqueue("no_such_kind", NOW)


def test_orders_wait_beside_each_other_and_a_kind_takes_them_or_does_not() -> None:
    assert jobrows.enqueue("bulk_act", NOW, "one", {"rows": [1]}) and jobrows.enqueue("bulk_act", NOW, "two", {})
    for kind, order in (("bulk_act", None), ("clean_up", {})):
        with pytest.raises(ValueError, match=f"{kind}: .* order"):
            jobrows.enqueue(kind, NOW, "three", order)
    leased = jobrows.take("one", NOW, LEASE)
    assert leased and leased.run.order == {"rows": [1]}


def test_a_job_is_leased_by_one_worker() -> None:
    queued()
    leased = jobrows.take("one", NOW, LEASE)
    assert leased is not None and (leased.run.kind, leased.run.attempt) == ("clean_up", 1)
    assert jobrows.take("two", NOW, LEASE) is None


def test_the_job_that_has_waited_longest_comes_first() -> None:
    queued("clean_up", NOW - timedelta(minutes=1))
    queued("vram", NOW - timedelta(minutes=2))
    leased = jobrows.take("one", NOW, LEASE)
    assert leased is not None and leased.run.kind == "vram"


def test_a_silent_workers_job_is_anothers_and_the_first_may_not_write_any_more() -> None:
    job = queued()
    first = jobrows.take("one", NOW, LEASE)
    second = jobrows.take("two", NOW + LEASE + timedelta(seconds=1), LEASE)
    assert first and second and second.run.attempt == 2

    for late in (
        lambda: jobrows.extend(first, NOW, LEASE),
        lambda: jobrows.report(first, 0.5, "half"),
        lambda: jobrows.finish(first, {}, NOW),
        lambda: jobrows.fail(first, "too late", NOW),
    ):
        with pytest.raises(LeaseLost):
            late()
    jobrows.finish(second, {"done": 2}, NOW)
    job.refresh_from_db()
    assert (job.state, job.result, job.leased_by) == ("done", {"done": 2}, "two")


def test_an_extended_lease_keeps_the_job() -> None:
    queued()
    leased = jobrows.take("one", NOW, LEASE)
    assert leased
    jobrows.extend(leased, NOW + timedelta(seconds=20), LEASE)
    assert jobrows.take("two", NOW + timedelta(seconds=40), LEASE) is None


def test_a_failed_try_is_repeated_after_a_pause_and_given_up_in_the_end() -> None:
    job, now = queued(), NOW
    for attempt in range(1, job_kinds()["clean_up"].tries + 1):
        leased = jobrows.take("one", now, LEASE)
        assert leased and leased.run.attempt == attempt
        jobrows.fail(leased, "the disk is full", now)
        assert jobrows.take("one", now + jobrows.pause(attempt) - timedelta(seconds=1), LEASE) is None
        now += jobrows.pause(attempt)
    job.refresh_from_db()
    assert (job.state, job.message) == ("failed", "the disk is full")
    assert jobrows.take("one", now + timedelta(days=1), LEASE) is None


def test_pauses_double_up_to_an_hour() -> None:
    assert [jobrows.pause(attempt).total_seconds() for attempt in (1, 2, 3, 20)] == [30, 60, 120, 3600]


def test_a_job_that_kills_its_worker_every_time_is_given_up() -> None:
    job, now = queued(), NOW
    for _ in range(job_kinds()["clean_up"].tries):
        assert jobrows.take("one", now, LEASE)
        now += LEASE + timedelta(seconds=1)
    assert jobrows.take("one", now, LEASE) is None
    job.refresh_from_db()
    assert job.state == "failed" and "died 5 times" in job.message


def test_a_job_whose_kind_is_gone_does_not_stop_the_others() -> None:
    Job.objects.create(kind="of_an_older_version", window="x", due_at=NOW - timedelta(hours=1))
    queued()
    leased = jobrows.take("one", NOW, LEASE)
    assert leased and leased.run.kind == "clean_up"
    assert Job.objects.get(kind="of_an_older_version").state == "failed"


def test_progress_stays_within_its_bounds() -> None:
    job = queued()
    leased = jobrows.take("one", NOW, LEASE)
    assert leased
    jobrows.report(leased, 7.0, "x" * 10_000)
    job.refresh_from_db()
    assert job.progress == 1.0 and len(job.message) == jobrows.LONGEST_MESSAGE
