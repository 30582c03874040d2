"""The page of the drill: who may look, who may start it, and what a worker then makes of it."""

import csv
import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from profiling.jobs import job_kinds
from profiling.models import Job
from providers.models import AuditEntry
from routing.drill.scenario import scenarios
from routing.models import DrillRun

PAGE = "/dashboard/drill/"


@pytest.fixture
def browser(db):
    """A browser in which somebody with these permissions is signed in."""

    def signed_in(*codenames):
        person = User.objects.create(username="ana", is_staff=True)
        person.user_permissions.set(Permission.objects.filter(codename__in=[*codenames, "see_every_tenant"]))
        client = Client()
        client.force_login(person)
        return client

    return signed_in


def scored(**row):
    score = {"scenario": "S01", "title": "Rate limited", "means": "It answers.", "passed": True, "why": "All answered."}
    score |= {"first_content_ms": 12.0, "failover_ms": None, "total_ms": 34.0}
    return DrillRun.objects.create(asked_by="ben", scenarios=["S01", "S02"], scores=[score], **row)


def test_nobody_looks_without_the_right(browser, client):
    assert client.get(PAGE).status_code == 302
    row, other = scored(finished_at=timezone.now()), browser("view_job")
    page = other.get(PAGE, {"run": row.pk}).content.decode()
    assert "You may not see drills" in page and "All answered." not in page and "asked for by" not in page
    for address in (f"{PAGE}card/{row.pk}/", f"{PAGE}{row.pk}.csv"):
        assert other.get(address).status_code == 403


def test_whoever_may_only_look_cannot_start(browser):
    viewer = browser("view_drillrun")
    assert "Start the drill" not in viewer.get(PAGE).content.decode()
    assert viewer.post(PAGE).status_code == 403
    assert not DrillRun.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_starting_queues_one_drill_and_says_who_did_it(browser):
    operator = browser("view_drillrun", "add_drillrun")
    assert "Start the drill" in operator.get(PAGE).content.decode()
    for _ in range(2):
        assert operator.post(PAGE).status_code == 302
    (row,) = DrillRun.objects.all()
    assert (row.asked_by, row.pace, len(row.scenarios)) == ("ana", 1.0, 16)
    assert Job.objects.filter(kind="drill").count() == 1
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.via, entry.action, entry.kind) == ("ana", "admin", "started", "resilience drill")
    page = operator.get(PAGE).content.decode()
    assert 'hx-trigger="every 2s"' in page and "waits for a worker" in page and "Start the drill" not in page


def test_a_form_of_another_site_starts_nothing(browser):
    client = browser("view_drillrun", "add_drillrun")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    assert strict.post(PAGE).status_code == 403 and not DrillRun.objects.exists()


def test_the_card_shows_each_scenario_and_follows_while_it_runs(browser):
    now = timezone.now()
    scored(started_at=now, alive_at=now)
    page = browser("view_drillrun").get(PAGE).content.decode()
    assert "1 of 2 passed" in page and "</span>passed</span>" in page and "All answered." in page
    assert "429 for the whole run" in page  # not over, and named all the same
    assert 'hx-trigger="every 2s"' in page


def test_a_drill_that_was_killed_does_not_run_for_ever(browser):
    then = timezone.now() - timedelta(minutes=5)
    scored(started_at=then, alive_at=then)
    page = browser("view_drillrun").get(PAGE).content.decode()
    assert "ended without a result" in page and "not played" in page and 'hx-trigger="every 2s"' not in page


def test_older_drills_can_be_looked_at(browser):
    now = timezone.now()
    old = scored(started_at=now, alive_at=now, finished_at=now)
    DrillRun.objects.create(asked_by="cem", scenarios=["S01"], message="no way", finished_at=now)
    viewer = browser("view_drillrun")
    assert "It could not run: no way" in viewer.get(PAGE).content.decode()
    assert "asked for by ben" in viewer.get(f"{PAGE}?run={old.pk}").content.decode()
    assert viewer.get(f"{PAGE}?run=x").status_code == 200


def test_who_may_not_start_or_plan_sees_the_buttons_with_the_reason(browser):
    viewer = browser("view_drillrun")
    page = viewer.get(PAGE).content.decode()
    assert 'aria-describedby="no-start"' in page and "the role operator has it" in page and 'id="no-plan"' in page
    assert viewer.post(f"{PAGE}schedule/", {"every": "day"}).status_code == 403
    assert "No drill has run yet" in page and not PeriodicTask.objects.exists()


def test_it_says_what_got_better_or_worse_since_the_last_drill(browser):
    now = timezone.now()
    scored(started_at=now, alive_at=now, finished_at=now)
    row = scored(started_at=now, alive_at=now, finished_at=now)
    row.scores = [row.scores[0] | {"passed": False, "why": "Nothing, came."}]
    row.save()
    viewer = browser("view_drillrun")
    page = viewer.get(PAGE).content.decode()
    assert "0 better, 1 worse than in the drill of" in page and "</span>worse</span>" in page
    file = list(csv.reader(io.StringIO(viewer.get(f"{PAGE}{row.pk}.csv").content.decode())))
    assert file[1] == [
        "S01",
        "Rate limited",
        "It answers.",
        "failed",
        "Nothing, came.",
        "passed",
        "12.000",
        "",
        "34.000",
    ]
    assert file[2][3:6] == ["", "", ""]  # not played


def test_the_card_alone_is_polled_while_it_runs_and_then_no_more(browser):
    now = timezone.now()
    row, viewer = scored(started_at=now, alive_at=now), browser("view_drillrun")
    address = f"{PAGE}card/{row.pk}/"
    answer = viewer.get(address)
    page = answer.content.decode()
    assert "1 of 2 faults are over" in page and "every 2s" in page and "<html" not in page
    assert f'<span id="drill-passed-{row.pk}" hx-swap-oob="true">1 of 2</span>' in page, "the list of drills follows"
    assert f'id="drill-passed-{row.pk}"' in viewer.get(PAGE).content.decode() and ">Before</th>" not in page
    assert "no-store" in answer["cache-control"] and "hx-refresh" not in answer
    DrillRun.objects.update(finished_at=now)
    over = viewer.get(address)
    assert "every 2s" not in over.content.decode() and over["hx-refresh"] == "true"
    assert viewer.get(f"{PAGE}card/{row.pk + 1}/").status_code == 404


def test_a_schedule_is_set_changed_and_ended_and_each_is_audited(browser):
    operator = browser("view_drillrun", "change_periodictask")
    for every, on, seconds in (("week", True, 604_800), ("day", True, 86_400), ("never", False, 86_400)):
        assert operator.post(f"{PAGE}schedule/", {"every": every, "reason": "calm nights"}).status_code == 302
        (task,) = PeriodicTask.objects.filter(args='["drill_by_schedule"]')
        assert (task.enabled, task.interval.every, task.task) == (on, seconds, "profiling.enqueue")
        assert f'value="{every}" selected' in operator.get(PAGE).content.decode()
    assert operator.post(f"{PAGE}schedule/", {"every": "hour"}).status_code == 422
    told = AuditEntry.objects.order_by("id").values_list("action", "reason")
    assert list(told) == [("added", "calm nights"), ("changed", "calm nights"), ("changed", "calm nights")]


def test_what_the_schedule_asks_for_is_queued_as_from_the_page(browser):
    assert job_kinds()["drill_by_schedule"].run(None, lambda share, text: None) == {"drill": None}
    assert not DrillRun.objects.exists()  # no schedule is on
    browser("view_drillrun", "change_periodictask").post(f"{PAGE}schedule/", {"every": "week"})
    result = job_kinds()["drill_by_schedule"].run(None, lambda share, text: None)
    row = DrillRun.objects.get()
    assert result == {"drill": row.pk} and row.asked_by == "schedule" and Job.objects.filter(kind="drill").exists()
    assert job_kinds()["drill_by_schedule"].run(None, lambda share, text: None) == {"drill": None}


def test_the_old_address_in_admin_leads_here(browser):
    assert browser("view_drillrun").get("/admin/drill/").url == PAGE


@pytest.mark.django_db
def test_the_job_plays_only_what_was_asked_for():
    assert job_kinds()["drill"].run(None, lambda share, text: None) == {"drills": [], "passed": []}


@pytest.mark.timeout(300)
def test_a_worker_plays_what_was_asked_for_on_the_page(played, scores):
    assert list(scores) == list(scenarios()) and played.job == "done"


@pytest.mark.timeout(300)
def test_the_page_is_watched_while_the_drill_runs_and_shows_all_sixteen_at_its_end(chromium, played, scores):
    """Without a word from the reader: the card follows by itself, and the page comes back whole when it is over."""
    seen, passed = played.seen, sum(score["passed"] for score in played.scores)
    assert "waits for a worker" in seen.waiting and "asked for by ana" in seen.waiting
    progress = [int(said.split()[0]) for said in seen.statuses if "of 16 faults are over" in said]
    assert progress == sorted(progress) and progress[0] == 0 and len(progress) >= 3, seen.statuses
    assert f"{passed} of 16 passed" in seen.over and "over" in seen.over and "It took" in seen.over
    assert [row.split()[0] for row in seen.rows] == list(scores)
    for row, score in zip(seen.rows, played.scores, strict=True):
        assert score["title"] in row and score["why"] in row and ("passed" if score["passed"] else "failed") in row
    assert [line.split(",")[0] for line in seen.file[1:]] == list(scores)
    assert seen.problems == []
