"""The system page: what it knows of jobs, journal, revisions, backups and settings, and what it says if it does not."""

import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from neuroroute import backups, systemfacts
from neuroroute.environment import Environment
from neuroroute.roles import EVERYBODYS
from profiling.attention import notices
from profiling.hints import ask_for
from profiling.jobs import job_kinds
from profiling.models import Job
from profiling.runner import run_due
from profiling.schedules import schedule_of
from providers import revisions
from providers.models import AuditEntry
from providers.snapshots import Snapshot, Watcher
from routing.configfile.exporting import export
from routing.inflight import asking
from routing.inflight.telling import Question, Told, told
from tests.admin import rows
from tests.people import browser_of, staff
from usage.rowlog import RowWriter

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def var(own_var: Path) -> Path:
    return own_var


def seen(browser: Client) -> str:
    """The page's text, its white space made one."""
    answer = browser.get(reverse("system"))
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_who_lacks_the_right_neither_sees_the_page_nor_its_link() -> None:
    vic, opal = browser_of(staff("vic", "viewer", EVERYBODYS)), browser_of(staff("opal", "operator", EVERYBODYS))
    link = f'href="{reverse("system")}"'
    for name in ("system", "system-jobs"):
        assert vic.get(reverse(name)).status_code == 403 and opal.get(reverse(name)).status_code == 200
    assert vic.post(reverse("system-configuration")).status_code == 403
    assert link not in vic.get(reverse("admin:index")).content.decode()
    assert link in opal.get(reverse("admin:index")).content.decode()
    assert Client().get(reverse("system")).status_code == 302


def test_jobs_are_shown_with_progress_and_those_that_failed_with_a_link(operator: Client) -> None:
    runs, waits, failed, old = (rows.job() for _ in range(4))
    Job.objects.filter(pk=runs.pk).update(state="running", progress=0.25, message="half of a half")
    Job.objects.filter(pk=waits.pk).update(due_at=timezone.now() + timedelta(minutes=5, seconds=30))
    Job.objects.filter(pk=failed.pk).update(state="failed", finished_at=timezone.now(), message="no disk")
    Job.objects.filter(pk=old.pk).update(state="failed", finished_at=timezone.now() - timedelta(days=8))
    answer = operator.get(reverse("system-jobs"))
    assert [job.pk for job in answer.context["jobs"].open] == [runs.pk, waits.pk]
    assert [job.pk for job in answer.context["jobs"].failed] == [failed.pk]
    text = answer.content.decode()
    assert 'value="0.2500"' in text and "25 %" in text and "half of a half" in text and "no disk" in text
    assert reverse("admin:profiling_job_change", args=[failed.pk]) in text and "in 5" in text


def test_the_journal_says_what_waits_and_is_unknown_where_there_is_none(operator: Client, var: Path) -> None:
    assert "no journal that can be read" in seen(operator)
    (var / "spool").mkdir()
    empty = systemfacts.journal()
    assert empty and (empty.backlog.rows, empty.backlog.bytes) == (0, 0) and "(none waits)" in seen(operator)
    segment = var / "spool" / "web-1-000001.segment"
    writer = RowWriter(segment)
    for at in (datetime.now(UTC).timestamp() - 90, datetime.now(UTC).timestamp()):
        writer.append(at, b"{}")
    writer.close()
    held = systemfacts.journal()
    assert held and (held.backlog.rows, held.backlog.bytes) == (2, segment.stat().st_size)
    assert 90 <= held.backlog.oldest_age_s < 120 and held.free_bytes > 0


def test_a_revision_is_said_to_be_served_by_those_workers_only_that_say_so(operator: Client, monkeypatch) -> None:
    revisions.bump("catalog")
    assert "Which revision is served is unknown" in seen(operator)
    number = revisions.numbers()["catalog"]
    told_by = {"a:1": {"catalog": number}, "b:2": {"catalog": number - 1}}
    monkeypatch.setattr(asking, "serving", lambda: asking.Serving(told_by, 3, False))
    assert f"catalog {number} {number} {number - 1} not by all" in seen(operator)
    assert "2 of 3 web workers told" in seen(operator)
    monkeypatch.setattr(asking, "serving", lambda: asking.Serving({}, 1, False))
    assert "no worker said it" in seen(operator), "a loop that is too busy is no broken page"
    monkeypatch.setattr(asking, "serving", lambda: asking.Serving({"a:1": {"catalog": number}}, 1, True))
    assert "by all" in seen(operator) and "Redis is away" in seen(operator)


def test_a_worker_tells_which_revisions_it_loaded_and_of_no_request() -> None:
    revisions.bump("catalog")
    watcher = Watcher([Snapshot("catalog", dict), Snapshot("never bumped", dict)])
    assert watcher.serving == {}
    watcher._look()
    assert watcher.serving == {"catalog": revisions.numbers()["catalog"], "never bumped": 0}
    answer = told(Question(configuration=True), None, watcher.serving)
    assert answer.serves == watcher.serving and answer.worker and not answer.rows
    assert Told([], 0).serves == {}  # of an older version


def test_the_configuration_leaves_as_a_file_and_the_log_says_who_took_it(operator: Client) -> None:
    rows.deployment()
    revisions.bump("catalog")
    assert operator.get(reverse("system-configuration")).status_code == 405
    answer = operator.post(reverse("system-configuration"))
    assert answer.status_code == 200 and answer.content.decode() == export()
    assert re.fullmatch(r'attachment; filename="neuroroute-\d{8}T\d{6}Z\.yaml"', answer["content-disposition"])
    entry = AuditEntry.objects.get(action="exported")
    assert (entry.actor, entry.via, entry.kind) == ("ana", "admin", "configuration")
    assert f"catalog {revisions.numbers()['catalog']}" in entry.object_name


def test_who_sees_some_tenants_gets_no_configuration_and_reads_why() -> None:
    member = staff("mia", "operator", tenants=(rows.tenant(),))
    assert "for those who see every tenant" in seen(browser_of(member))
    assert browser_of(member).post(reverse("system-configuration")).status_code == 403
    vic = staff("vic", "viewer", EVERYBODYS)
    vic.user_permissions.add(Permission.objects.get(codename="view_system"))
    assert "This takes the right to view credentials" in seen(browser_of(vic))
    assert not AuditEntry.objects.filter(action="exported").exists()


def test_settings_say_where_they_come_from_and_no_secret(operator: Client, tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / ".env"
    file.write_text("FROM_FILE='a b'\nOVERRIDDEN=file\nEMPTY=\nPASSED_ON=same\n")
    for name, value in {"OVERRIDDEN": "environment", "PASSED_ON": "same", "FROM_FILE": "", "EMPTY": ""}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("FROM_FILE")
    read = Environment()
    read.read_file(file)
    told_of = {name: (read.text(name, "usual"), read.source(name)) for name in ("FROM_FILE", "OVERRIDDEN", "EMPTY")}
    assert told_of == {
        "FROM_FILE": ("a b", ".env"), "OVERRIDDEN": ("environment", "environment"), "EMPTY": ("usual", "default"),
    }  # fmt: skip
    assert read.source("PASSED_ON") == ".env", "what a parent read from the file is the file's"
    monkeypatch.setattr(systemfacts, "env", read)
    read.text("UPSTREAM_API_KEY", "sk-needle-4711-quite-long"), read.text("REDIS_URL", "redis://me:hunter2@host/0")
    monkeypatch.setenv("OPENAI_API_KEY", "needle-of-openai-0815")
    text = seen(operator)
    assert "FROM_FILE a b .env" in text and "OPENAI_API_KEY … environment" in text and "me:…@host" in text
    assert not [needle for needle in ("needle", "hunter2") if needle in text]


@pytest.fixture
def sqlite(tmp_path: Path, monkeypatch) -> sqlite3.Connection:
    """A database that is written to: its newest row lies in the write-ahead log, and another is not committed."""
    held = sqlite3.connect(tmp_path / "live.sqlite3", isolation_level=None)
    held.execute("PRAGMA journal_mode=WAL")
    held.execute("CREATE TABLE kept (number INTEGER)")
    held.execute("INSERT INTO kept VALUES (1)")
    held.execute("BEGIN IMMEDIATE")
    held.execute("INSERT INTO kept VALUES (2)")
    monkeypatch.setattr(connection, "vendor", "sqlite")
    monkeypatch.setitem(connection.settings_dict, "NAME", str(tmp_path / "live.sqlite3"))
    yield held
    held.close()


def test_a_backup_is_one_whole_file_and_the_oldest_go(sqlite: sqlite3.Connection, var: Path, operator: Client) -> None:
    assert "Whether they are made elsewhere is unknown here" in seen(operator)
    for _ in range(3):
        call_command("backup", keep=2, verbosity=0)
    stray = var / "backups" / "notes.txt"
    stray.write_text("mine")
    call_command("backup", keep=2)
    facts = systemfacts.copies()
    assert facts and facts.total == 2 and facts.newest[0].made_at >= facts.newest[1].made_at
    newest = facts.newest[0]
    assert sorted(path.name for path in (var / "backups").iterdir()) == sorted(
        [*(copy.path.name for copy in facts.newest), "notes.txt"]
    )
    assert newest.path.stat().st_mode & 0o077 == 0 and newest.path.name in seen(operator)
    with sqlite3.connect(newest.path) as copy:
        assert copy.execute("SELECT number FROM kept").fetchall() == [(1,)]


def test_a_backup_that_fails_leaves_nothing_and_says_why(sqlite: sqlite3.Connection, var: Path) -> None:
    (var / "live.sqlite3").unlink()
    with pytest.raises(CommandError, match="unable to open database file"):
        call_command("backup")
    assert list((var / "backups").iterdir()) == []
    with pytest.raises(CommandError, match="0' is not a whole number from 1 to 10000"):
        call_command("backup", "--keep=0")


def test_postgresql_is_copied_by_pg_dump_whose_error_is_told(var: Path, tmp_path: Path, monkeypatch) -> None:
    place = tmp_path / "bin"
    place.mkdir()
    monkeypatch.setenv("PATH", str(place))
    monkeypatch.setattr(connection, "vendor", "postgresql")
    given = {"NAME": "ours", "USER": "me", "HOST": "db", "PORT": "5433", "PASSWORD": "hunter2", "OPTIONS": {}}
    for name, value in given.items():
        monkeypatch.setitem(connection.settings_dict, name, value)
    with pytest.raises(backups.BackupFailed, match="pg_dump, which is not installed here"):
        backups.make(var / "backups", 7, NOW)
    program = place / "pg_dump"
    program.write_text('#!/bin/sh\necho "$PGPASSWORD $*" > "$0.said"\necho "no such host" >&2\nexit 1\n')
    program.chmod(0o755)
    with pytest.raises(backups.BackupFailed, match="pg_dump failed: no such host"):
        backups.make(var / "backups", 7, NOW)
    said = (place / "pg_dump.said").read_text()
    assert said.startswith("hunter2 ") and said.count("hunter2") == 1, "the password is in no argument"
    assert all(word in said for word in ("-U me", "-h db", "-p 5433", "ours", "--format=custom", "--file="))
    program.write_text("#!/bin/sh\nexit 0\n")
    assert backups.make(var / "backups", 7, NOW).path.name == "neuroroute-20260131T120000.000000Z.dump"


def test_a_daily_copy_is_set_run_told_and_ended(sqlite: sqlite3.Connection, var: Path, operator: Client) -> None:
    where, kind = reverse("system-backups"), job_kinds()["backup"]
    assert "By itself: never." in seen(operator)
    assert operator.post(where, {"at": "03:30", "reason": "nights are quiet"}).status_code == 302
    task = schedule_of(kind)
    assert task.enabled and (task.crontab.hour, task.crontab.minute, str(task.crontab.timezone)) == ("3", "30", "UTC")
    said = seen(operator).split("By itself:")[1][:200]
    assert re.match(r" each day at 03:30 UTC, next [\d-]+ 03:30 UTC; the newest 7 stay", said), said
    entry = AuditEntry.objects.get(reason="nights are quiet")
    assert (entry.actor, entry.action) == ("ana", "added")
    ask_for("backup", timezone.now())
    run_due()
    done = Job.objects.get(kind="backup")
    assert done.state == "done", done.message
    (copy,) = systemfacts.copies().newest
    assert done.result["file"] == copy.path.name and done.result["bytes"] == copy.bytes
    assert f"{copy.path.name}, {copy.bytes:,} bytes in" in seen(operator)
    operator.post(where, {"at": ""})
    assert "By itself: never." in seen(operator) and not schedule_of(kind).enabled
    assert operator.post(where, {"at": "25:99"}).status_code == 422


def test_a_daily_copy_that_failed_for_good_needs_attention(
    sqlite: sqlite3.Connection, var: Path, operator: Client
) -> None:
    (var / "live.sqlite3").unlink()
    ask_for("backup", timezone.now())
    for _ in range(job_kinds()["backup"].tries):
        Job.objects.filter(kind="backup").update(due_at=timezone.now())
        run_due()
    assert Job.objects.get(kind="backup").state == "failed"
    (told,) = [one for one in notices(timezone.now()) if "backup" in one.what]
    assert told.what == "1 × backup failed" and "no newer copy of the database" in told.effect
    assert "The last run failed" in seen(operator) and "unable to open database file" in seen(operator)
