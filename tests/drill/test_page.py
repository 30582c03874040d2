"""The page of the drill: who may look, who may start it, and what a worker then makes of it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from profiling.jobs import job_kinds
from profiling.models import Job
from providers.models import AuditEntry
from routing.models import DrillRun
from tests.gateway.gateway import manage

PAGE = "/admin/drill/"
PLAY = (
    "from routing.drill import history; from providers.audit import Actor; from profiling.runner import run_due;"
    "from routing.models import DrillRun; history.ask(Actor('ana', 'admin'), ['S11', 'S03'], 0.05); run_due();"
    "row = DrillRun.objects.first(); from profiling.models import Job; job = Job.objects.first();"
    "print(history.state(row, row.finished_at), [(s['scenario'], s['passed']) for s in row.scores], job.state,"
    "job.result['passed'])"
)


@pytest.fixture
def browser(db):
    """A browser in which somebody with these permissions is signed in."""

    def signed_in(*codenames):
        person = User.objects.create(username="ana", is_staff=True)
        person.user_permissions.set(Permission.objects.filter(codename__in=codenames))
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
    assert browser("view_job").get(PAGE).status_code == 403


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
    assert 'http-equiv="refresh"' in page and "waits for a worker" in page and "Start the drill" not in page


def test_a_form_of_another_site_starts_nothing(browser):
    client = browser("view_drillrun", "add_drillrun")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    assert strict.post(PAGE).status_code == 403 and not DrillRun.objects.exists()


def test_the_card_shows_each_scenario_and_follows_while_it_runs(browser):
    now = timezone.now()
    scored(started_at=now, alive_at=now)
    page = browser("view_drillrun").get(PAGE).content.decode()
    assert "1 of 2 passed" in page and "✓ passed" in page and "All answered." in page
    assert "429 for the whole run" in page  # not over, and named all the same
    assert 'http-equiv="refresh"' in page


def test_a_drill_that_was_killed_does_not_run_for_ever(browser):
    then = timezone.now() - timedelta(minutes=5)
    scored(started_at=then, alive_at=then)
    page = browser("view_drillrun").get(PAGE).content.decode()
    assert "ended without a result" in page and "not played" in page and 'http-equiv="refresh"' not in page


def test_older_drills_can_be_looked_at(browser):
    now = timezone.now()
    old = scored(started_at=now, alive_at=now, finished_at=now)
    DrillRun.objects.create(asked_by="cem", scenarios=["S01"], message="no way", finished_at=now)
    viewer = browser("view_drillrun")
    assert "It could not run: no way" in viewer.get(PAGE).content.decode()
    assert "asked for by ben" in viewer.get(f"{PAGE}?run={old.pk}").content.decode()
    assert viewer.get(f"{PAGE}?run=x").status_code == 200


@pytest.mark.django_db
def test_the_job_plays_only_what_was_asked_for():
    assert job_kinds()["drill"].run(None, lambda share, text: None) == {"drills": [], "passed": []}


@pytest.mark.timeout(300)
def test_a_worker_plays_what_was_asked_for(gateway, scores):
    said = manage(gateway.var, "shell", "-v0", "-c", PLAY, env=gateway.env).splitlines()[-1]
    assert said == "over [('S03', True), ('S11', True)] done [2]"
