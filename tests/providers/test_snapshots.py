"""Snapshots follow the database: a committed change arrives, a database that is away changes nothing."""

import logging
import threading

import pytest
from django.db import DatabaseError, connection, transaction

from providers.models import Revision
from providers.revisions import CATALOG, TENANTS, bump, numbers
from providers.snapshots import NotLoaded, Snapshot, Watcher

INTERVAL_S = 0.02
PATIENCE_S = 20  # only a failing test waits so long


class Source:
    """Rows that a test changes, or takes away, and a way to wait for a load."""

    def __init__(self):
        self.value, self.error, self.loads = 0, None, 0
        self.tried = threading.Condition()

    def load(self):
        with self.tried:
            self.loads += 1
            self.tried.notify_all()
        if self.error:
            raise self.error
        return self.value

    def wait_for_loads(self, count):
        with self.tried:
            assert self.tried.wait_for(lambda: self.loads >= count, PATIENCE_S)


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def watch(transactional_db):
    watchers = []

    def start(*snapshots):
        watchers.append(Watcher(snapshots, INTERVAL_S))
        watchers[-1].start()
        return watchers[-1]

    yield start
    for watcher in watchers:
        watcher.stop()


def swapped(snapshot):
    event = threading.Event()
    snapshot.listeners.append(event.set)
    return event


def test_reading_before_the_first_load_says_so(source):
    with pytest.raises(NotLoaded, match="catalog"):
        _ = Snapshot(CATALOG, source.load).current


def test_a_failed_load_keeps_the_last_one(source):
    snapshot = Snapshot(CATALOG, source.load)
    source.value = 1
    snapshot.reload()
    source.error = DatabaseError("away")
    with pytest.raises(DatabaseError):
        snapshot.reload()
    assert snapshot.current == 1


@pytest.mark.django_db
def test_a_part_counts_up_from_nothing():
    assert numbers() == {}
    bump(CATALOG)
    bump(CATALOG)
    bump(TENANTS)
    assert numbers() == {CATALOG: 2, TENANTS: 1}


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_change_counts_nothing():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        bump(CATALOG)
        raise ZeroDivisionError
    assert numbers() == {}


def test_everything_is_loaded_when_start_returns(source, watch):
    source.value = 7
    snapshot = Snapshot(CATALOG, source.load)
    watch(snapshot)
    assert snapshot.current == 7


def test_a_committed_change_arrives_and_only_its_part_is_loaded(source, watch):
    other = Source()
    snapshot, unchanged = Snapshot(CATALOG, source.load), Snapshot(TENANTS, other.load)
    watch(snapshot, unchanged)
    arrived = swapped(snapshot)
    with transaction.atomic():
        source.value = 8
        bump(CATALOG)
    assert arrived.wait(PATIENCE_S)
    assert snapshot.current == 8
    assert (source.loads, other.loads) == (2, 1)


def test_a_failing_load_is_logged_once_and_tried_until_it_works(source, watch, caplog):
    snapshot = Snapshot(CATALOG, source.load)
    watch(snapshot)
    arrived = swapped(snapshot)
    with caplog.at_level(logging.WARNING):
        source.value, source.error = 9, DatabaseError("the server went away")
        bump(CATALOG)
        source.wait_for_loads(4)
        assert snapshot.current == 0
        source.error = None
        assert arrived.wait(PATIENCE_S)
    assert snapshot.current == 9
    assert caplog.text.count("the server went away") == 1


def test_start_raises_what_kept_it_from_loading(source, transactional_db):
    source.error = DatabaseError("no such table")
    watcher = Watcher([Snapshot(CATALOG, source.load)], INTERVAL_S)
    with pytest.raises(DatabaseError, match="no such table"):
        watcher.start()
    assert not watcher.is_alive()


class Logged(logging.Handler):
    """Wakes the test when the watcher has said that it cannot read."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.event = threading.Event()

    def emit(self, record):
        self.event.set()


def test_a_database_away_then_back_is_survived(source, watch):
    """The real table is renamed away: the poll itself fails, as with a server that is gone."""
    snapshot, logged, table = Snapshot(CATALOG, source.load), Logged(), Revision._meta.db_table
    watcher = watch(snapshot)
    logging.getLogger("providers.snapshots").addHandler(logged)
    rename(table, "away")
    try:
        assert logged.event.wait(PATIENCE_S)
        assert watcher.failure is not None
    finally:
        rename("away", table)
        logging.getLogger("providers.snapshots").removeHandler(logged)
    arrived = swapped(snapshot)
    source.value = 5
    bump(CATALOG)
    assert arrived.wait(PATIENCE_S)
    assert snapshot.current == 5


def rename(old, new):
    with connection.schema_editor() as editor:
        editor.alter_db_table(Revision, old, new)
