"""The same processes on PostgreSQL, Redis and RabbitMQ, with two web workers."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql

from tests.halves import Services
from tests.run.asking import asking_all_the_time
from tests.run.installation import Installation, wait_until, web_workers

CHAT = {"model": "auto", "messages": [{"role": "user", "content": "What is the capital of France?"}]}


@pytest.fixture(scope="module")
def on_services(installations: Callable[[], Installation], services: Services) -> Iterator[Installation]:
    made = installations()
    made.start(WEB_WORKERS="2", DRAIN_S="600", **services.environment())
    yield made
    made.kill()  # before the database is dropped


def test_two_workers_answer_and_every_answer_is_recorded(on_services: Installation, services: Services) -> None:
    with httpx.Client(base_url=on_services.url, headers=on_services.headers, timeout=60) as client:
        for _ in range(4):
            assert client.post("/v1/chat/completions", json=CHAT).status_code == 200
    with psycopg.connect(services.database_url, autocommit=True) as database:
        assert wait_until(lambda: _count(database, "SELECT count(*) FROM usage_requestrecord") == 4)


def test_there_are_two_web_workers(on_services: Installation) -> None:
    assert len(web_workers(on_services)) == 2, on_services.living()


@pytest.mark.parametrize(("setting", "value"), [("jit", "off"), ("max_parallel_workers_per_gather", "0")])
def test_its_queries_are_neither_compiled_nor_shared(
    on_services: Installation, services: Services, setting: str, value: str
) -> None:
    ask = f"from django.db import connection as c; q = c.cursor(); q.execute('SHOW {setting}'); print(*q.fetchone())"
    said = on_services.run("manage.py", "shell", "--no-imports", "-c", ask, **services.environment())
    assert said.stdout.split() == [value], said


def test_they_are_replaced_one_by_one_and_no_request_fails(on_services: Installation) -> None:
    before = web_workers(on_services)
    with asking_all_the_time(on_services) as codes:
        on_services.run("manage.py", "restart_web")
        assert wait_until(lambda: "every web worker is new" in on_services.said), on_services.said
    after = web_workers(on_services)
    assert len(after) == 2 and not after & before
    assert codes and set(codes) == {200}, codes


def test_a_job_went_through_the_broker(on_services: Installation, services: Services) -> None:
    with psycopg.connect(services.database_url, autocommit=True) as database:
        assert wait_until(lambda: _count(database, "SELECT count(*) FROM profiling_job WHERE state = 'done'") > 0)


def test_it_says_that_it_is_not_ready_before_it_ends(on_services: Installation) -> None:
    assert on_services.process
    assert _ready(on_services) == (200, False)
    on_services.process.send_signal(signal.SIGTERM)
    assert wait_until(lambda: _ready(on_services) == (503, True))
    assert httpx.get(f"{on_services.url}/v1/models", headers=on_services.headers).status_code == 200


def test_a_second_sigterm_ends_every_process_at_once(on_services: Installation) -> None:
    assert on_services.stop(signal.SIGTERM) == 0
    assert on_services.living() == {}


def _ready(installation: Installation) -> tuple[int, bool]:
    answer = httpx.get(f"{installation.url}/health/ready")
    return answer.status_code, answer.json()["checks"]["draining"]


def _count(database: psycopg.Connection, query: str) -> int:
    row = database.execute(query).fetchone()
    assert row
    return int(row[0])


@pytest.fixture
def elsewhere(services: Services) -> Iterator[str]:
    """The address of an empty database on the same server, dropped at the end."""
    name = f"neuroroute_restored_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(services.database_url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield f"{services.database_url.rpartition('/')[0]}/{name}"
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_a_backup_is_restored_as_the_page_says_and_holds_every_row(
    on_services: Installation, services: Services, elsewhere: str, tmp_path: Path
) -> None:
    if missing := [tool for tool in ("pg_dump", "pg_restore") if shutil.which(tool) is None]:
        pytest.skip(f"PostgreSQL's client is not installed here: {', '.join(missing)}")
    made = on_services.run("manage.py", "backup", "--to", str(tmp_path), **services.environment())
    assert made.returncode == 0, made.stderr
    (copy,) = tmp_path.iterdir()
    page = (on_services.root / "docs/running-in-production.md").read_text()
    command = re.search(r"^pg_restore .*$", page, re.MULTILINE)[0].replace("neuroroute-….dump", shlex.quote(str(copy)))
    there = os.environ | {"DATABASE_URL": elsewhere}
    done = subprocess.run(["sh", "-c", command], env=there, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    changing = {"profiling_job", "profiling_lease", "django_celery_beat_periodictask", "django_session"}
    before, after = rows_in(services.database_url), rows_in(elsewhere)
    assert before.keys() == after.keys() and before["tenants_clientkey"] > 0 and before["usage_requestrecord"] > 0
    assert {name: count for name, count in after.items() if name not in changing} == {
        name: count for name, count in before.items() if name not in changing
    }
    ready = on_services.run("manage.py", "migrate", "--check", **services.environment() | {"DATABASE_URL": elsewhere})
    assert ready.returncode == 0, ready.stdout + ready.stderr


def rows_in(url: str) -> dict[str, int]:
    """How many rows each table of a database has."""
    with psycopg.connect(url) as database:
        found = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        counted = sql.SQL("SELECT count(*) FROM {}")
        return {name: database.execute(counted.format(sql.Identifier(name))).fetchone()[0] for (name,) in found}
