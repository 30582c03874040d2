"""Every outcome gets into the database exactly once, and its sums with it."""

import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import closing

import psycopg
import pytest
from django.db import connections
from django.db.models import Sum
from msgspec import structs

from tests.halves import Services
from tests.usage.conftest import Place
from tests.usage.shipping import assert_sums_agree, ship
from tests.usage.stories import NOON, journal, stories, story
from usage import segments, selectors, shipper, spool
from usage.errors import SpoolBusy
from usage.journal import Journal
from usage.models import (
    AttemptRecord,
    FlowRollup,
    LatencyRollup,
    RequestRecord,
    RequestRollup,
    ShipperMark,
)
from usage.outcomes import Outcome
from usage.rollups import ALL_TENANTS, GRAINS
from usage.shipper import Shipper

PROCESS = ("-m", "tests.usage.processes")


def test_stories_are_the_same_before_and_after(database: Place) -> None:
    told = stories(200)
    journal(database.spool, told)
    before = [selectors.find(one.id, directory=database.spool) for one in told]
    ship(database.spool)
    after = [selectors.find(f"req_{one.id}", directory=database.spool) for one in told]

    assert spool.backlog(database.spool).rows == 0
    assert [_plain(one) for one in after] == [_plain(one) for one in before] == [_plain(one) for one in told]
    assert_sums_agree()


def test_shipping_again_counts_nothing_again(database: Place) -> None:
    journal(database.spool, stories(300))
    copy = database.var / "copy"
    shutil.copytree(database.spool, copy)
    ship(database.spool)
    ship(copy)
    ShipperMark.objects.all().delete()
    shutil.rmtree(copy)
    journal(copy, stories(300))
    ship(copy)

    assert RequestRecord.objects.count() == 300
    assert_sums_agree()


def test_the_same_outcome_twice_in_a_batch_counts_once(database: Place) -> None:
    told = stories(20)
    journal(database.spool, told + told)
    ship(database.spool)

    assert RequestRecord.objects.count() == 20
    assert_sums_agree()


def test_a_shipper_killed_at_any_moment_loses_and_doubles_nothing(database: Place) -> None:
    told = stories(3000)
    for part in range(3):
        journal(database.spool, told[part::3])
    for pause in (0.0, 0.1):
        process = database.start(*PROCESS, "ship")
        _wait_for_records(process)
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    database.run(*PROCESS, "ship")

    assert RequestRecord.objects.count() == len(told)
    assert AttemptRecord.objects.count() == sum(len(one.attempts) for one in told)
    assert spool.backlog(database.spool).rows == 0
    assert_sums_agree()


def test_two_shippers_of_one_spool_do_not_double(database: Place) -> None:
    told = stories(1500)
    journal(database.spool, told)
    both = [database.start(*PROCESS, "ship") for _ in range(2)]
    for process in both:
        process.communicate(timeout=100)
    ship(database.spool)  # one of them may have given up on the other's lock

    assert RequestRecord.objects.count() == len(told)
    assert_sums_agree()


def test_a_killed_writer_is_shipped_whole(database: Place) -> None:
    process = database.start(*PROCESS, "write")
    assert process.stdout
    written = {process.stdout.readline().strip() for _ in range(400)}
    moving = Shipper(database.spool)
    moving.ship_batch()  # in the middle of it
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate(timeout=60)
    while moving.ship_batch():
        pass
    shipped = {key.hex for key in RequestRecord.objects.values_list("id", flat=True)}

    assert written | {line for line in rest.splitlines() if len(line) == 32} <= shipped
    assert not list(database.spool.glob("*.segment"))
    assert_sums_agree()


def test_a_living_writers_segment_is_shipped_and_kept(database: Place) -> None:
    first, second = stories(2)
    writer, moving = Journal(database.spool, "test"), Shipper(database.spool)
    writer.write(first)
    moving.ship_batch()
    writer.write(second)
    assert len(segments.listing(database.spool)) == 1
    moving.ship_batch()
    writer.close()
    moving.ship_batch()

    assert RequestRecord.objects.count() == 2
    assert not segments.listing(database.spool)
    assert not ShipperMark.objects.exists()


def test_a_spool_has_one_shipper(place: Place) -> None:
    with shipper.alone(place.spool):
        with pytest.raises(SpoolBusy), shipper.alone(place.spool):
            pass
        process = place.start("manage.py", "ship", "--once")
        said, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert said.startswith("CommandError: Another shipper ships")


def test_told_to_stop_it_ships_what_is_left(database: Place) -> None:
    process = database.start("manage.py", "ship")
    journal(database.spool, stories(1))
    _wait_for_records(process)
    journal(database.spool, stories(2500, seed=2))
    process.send_signal(signal.SIGTERM)

    said, _ = process.communicate(timeout=60)  # reads its log, of a line per request, while it waits
    assert process.returncode == 0, said
    assert RequestRecord.objects.count() == 2501
    assert not list(database.spool.glob("*.segment"))


def test_a_database_that_is_away_costs_nothing(database: Place, switch: Callable[[str], None]) -> None:
    journal(database.spool, stories(50))
    moving = Shipper(database.spool)
    switch("postgres://nobody@127.0.0.1:1/nothing")
    assert moving.ship_or_wait() is None
    assert moving.ship_or_wait() is None
    switch(database.url)
    while moving.ship_or_wait():
        pass

    assert RequestRecord.objects.count() == 50
    assert_sums_agree()


def test_a_running_shipper_gets_over_a_database_that_goes_away(postgresql: Place, services: Services) -> None:
    process = postgresql.start("manage.py", "ship")
    journal(postgresql.spool, stories(1))
    _wait_for_records(process)
    connections["default"].close()
    name = postgresql.url.rpartition("/")[2]
    with closing(psycopg.connect(services.database_url, autocommit=True)) as server:
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        journal(postgresql.spool, stories(30, seed=2))
        assert process.stdout
        while "database away" not in (line := process.stdout.readline()):
            assert line, "it ended"
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    _wait_until(lambda: RequestRecord.objects.count() == 31)
    process.terminate()

    assert process.wait(60) == 0
    assert_sums_agree()


def test_a_callers_nul_does_not_stop_anything(database: Place) -> None:
    journal(database.spool, stories(1, session="a\0b", tags=["c\0d"]))
    ship(database.spool)

    record = RequestRecord.objects.get()
    assert (record.session, record.tags) == ("a\ufffdb", ["c\ufffdd"])


def test_what_waited_for_months_gets_its_partitions(database: Place) -> None:
    told = stories(3, end=NOON.replace(year=2025), seed=5)
    journal(database.spool, told)
    ship(database.spool)

    assert RequestRecord.objects.count() == 3


def test_all_rollups_are_kept(database: Place) -> None:
    told = [story(NOON, random.Random(seed), status="answered") for seed in range(30)]
    journal(database.spool, told)
    ship(database.spool)
    everyone = {"tenant_id": ALL_TENANTS, "grain": GRAINS[0]}

    assert FlowRollup.objects.filter(**everyone).aggregate(n=Sum("requests"))["n"] == sum(
        bool(one.first_choice) for one in told
    )
    total = LatencyRollup.objects.filter(metric="total", **everyone)
    assert total.filter(provider="", model="").aggregate(n=Sum("requests"))["n"] == 30
    answered_by = [outcome for outcome in told if outcome.provider]
    assert total.exclude(provider="").aggregate(n=Sum("requests"))["n"] == len(answered_by)
    assert {row.bucket % row.grain for row in RequestRollup.objects.all()} == {0}


def _plain(outcome: Outcome | None) -> object:
    assert outcome
    plain = structs.asdict(outcome)
    attempts = [structs.asdict(attempt) for attempt in outcome.attempts]
    raws = [raw and bytes(raw) for raw in (outcome.features, outcome.decision)]
    return {name: plain[name] for name in plain.keys() - {"attempts", "features", "decision"}}, attempts, raws


def _wait_for_records(process: "subprocess.Popen[str]") -> None:
    """Return when the process has shipped something, or has ended."""
    _wait_until(lambda: RequestRecord.objects.exists() or process.poll() is not None)


def _wait_until(reached: Callable[[], bool]) -> None:
    for _ in range(1200):
        if reached():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to that within a minute")
