"""Jobs outlive what runs them: workers, beats and brokers are killed, and every job is done in the end."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.halves import REDIS, Services, open_services
from tests.jobs.fleet import Fleet, Rows, kill, model_server, wait_for

DISCOVERY = "SELECT state, attempts, leased_by FROM profiling_job WHERE kind = 'discovery'"


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database to copy."""
    var = tmp_path_factory.mktemp("migrated")
    fleet = Fleet(var, {"DATABASE_URL": "", "CELERY_BROKER_URL": ""})
    fleet.manage("migrate", "-v0", "--skip-checks")
    fleet.close()
    return var / "neuroroute.sqlite3"


@pytest.fixture
def embedded(migrated: Path, tmp_path: Path) -> Iterator[tuple[Fleet, Rows]]:
    """SQLite, and a broker of files."""
    shutil.copy(migrated, tmp_path)
    fleet = Fleet(tmp_path, {"DATABASE_URL": "", "CELERY_BROKER_URL": ""})
    yield fleet, Rows(lambda: sqlite3.connect(tmp_path / "neuroroute.sqlite3"))
    fleet.close()


@pytest.fixture
def own_services(services: Services) -> Iterator[Services]:
    """Services that no other test shares: jobs of another's would be taken by our workers."""
    with open_services() as opened:
        assert not isinstance(opened, str), opened
        yield opened


@pytest.fixture(params=["rabbitmq", "redis"])
def on_services(request: pytest.FixtureRequest, own_services: Services, tmp_path: Path) -> Iterator[tuple[Fleet, Rows]]:
    """PostgreSQL, and a broker that is a server."""
    environment = own_services.environment()
    if request.param == "redis":
        environment["CELERY_BROKER_URL"] = REDIS
    fleet = Fleet(tmp_path, environment)
    fleet.manage("migrate", "-v0", "--skip-checks")
    yield fleet, Rows(lambda: psycopg.connect(own_services.database_url))
    fleet.close()


def test_a_job_of_a_killed_worker_is_done_by_another(embedded: tuple[Fleet, Rows]) -> None:
    finish_after_the_worker_and_the_beat_were_killed(*embedded)


def test_a_job_of_a_killed_worker_is_done_by_another_on_services(on_services: tuple[Fleet, Rows]) -> None:
    finish_after_the_worker_and_the_beat_were_killed(*on_services)


def finish_after_the_worker_and_the_beat_were_killed(fleet: Fleet, rows: Rows) -> None:
    """`discovery` is due at the first start, and waits for the model server in the middle."""
    with model_server() as server:
        fleet.environment["LLAMA_CPP_URL"] = server.url
        beat, worker = fleet.beat(), fleet.worker()
        wait_for("the first try", server.called, fleet.log)
        kill(worker)
        kill(beat)
        server.forget()
        (state, attempts, first_holder) = rows(DISCOVERY)[0]
        assert (state, attempts) == ("running", 1)

        fleet.worker(), fleet.beat()

        def done() -> bool:
            """Whoever asks is answered: a process that the killed one left may ask once more, besides the second."""
            if server.called():
                server.answer()
            return bool(rows(DISCOVERY)[0][0] == "done")

        wait_for("the end of the job", done, fleet.log)

    (_, attempts, second_holder) = rows(DISCOVERY)[0]
    assert attempts == 2 and second_holder != first_holder
    assert rows("SELECT upstream_model FROM providers_deployment") == [("tiny.gguf",)]


def test_jobs_are_done_when_the_broker_has_lost_every_message(embedded: tuple[Fleet, Rows], tmp_path: Path) -> None:
    fleet, rows = embedded
    beat = fleet.beat()
    wait_for("the queue", lambda: len(rows("SELECT id FROM profiling_job")) >= 3, fleet.log)
    messages = list((tmp_path / "broker" / "messages").iterdir())
    assert messages
    for message in messages:
        message.unlink()

    fleet.worker()
    wait_for("the end of all jobs", lambda: not rows("SELECT id FROM profiling_job WHERE state != 'done'"), fleet.log)
    assert beat.poll() is None


def test_of_two_beats_one_works_and_the_other_takes_over(embedded: tuple[Fleet, Rows]) -> None:
    fleet, rows = embedded
    first = fleet.beat()
    wait_for("the first beat", lambda: rows("SELECT holder FROM profiling_lease"), fleet.log)
    holder = rows("SELECT holder FROM profiling_lease")
    second = fleet.beat()
    wait_for("its start", lambda: fleet.log.read_text().count("beat: Starting") == 2, fleet.log)
    assert rows("SELECT holder FROM profiling_lease") == holder

    kill(first)
    wait_for("the change", lambda: rows("SELECT holder FROM profiling_lease") != holder, fleet.log)
    assert f":{second.pid}:" in rows("SELECT holder FROM profiling_lease")[0][0]
