"""Records lie in months; months are made ahead and dropped whole."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from tests.usage.conftest import Place
from tests.usage.stories import journal, stories
from usage import partitions, retention, selectors
from usage.models import AttemptRecord, RequestRecord, RequestRollup
from usage.rollups import MINUTE
from usage.shipper import Shipper

NOW = datetime(2027, 7, 20, 12, tzinfo=UTC)
KEEP = timedelta(days=90)


@pytest.fixture
def history(database: Place) -> Place:
    """200 requests of this month and 150 of half a year ago."""
    journal(database.spool, stories(200, end=NOW) + stories(150, end=NOW - timedelta(days=180), seed=2))
    shipper = Shipper(database.spool)
    while shipper.ship_batch():
        pass
    return database


def test_months_are_made_ahead_once(postgresql: Place) -> None:
    later = datetime(2031, 7, 20, 12, tzinfo=UTC)  # no other test has made these
    made = partitions.ensure_ahead(later)

    assert {"usage_requestrecord_2031_07", "usage_attemptrecord_2031_10"} <= set(made)
    assert partitions.ensure_ahead(later) == []
    assert partitions.remaining(later) == 3
    assert partitions.remaining(later + timedelta(days=60)) == 1


def test_a_partition_holds_its_month_to_the_millisecond(postgresql: Place) -> None:
    end_of_july = datetime(2027, 8, 1, tzinfo=UTC) - timedelta(milliseconds=1)
    partitions.ensure_ahead(NOW)
    journal(
        postgresql.spool,
        stories(1, end=end_of_july, hours=0) + stories(1, end=datetime(2027, 8, 1, tzinfo=UTC), hours=0),
    )
    Shipper(postgresql.spool).ship_batch()
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM usage_requestrecord ORDER BY id")
        assert cursor.fetchall() == [("usage_requestrecord_2027_07",), ("usage_requestrecord_2027_08",)]


def test_a_bounded_query_reads_its_month_only(postgresql: Place) -> None:
    partitions.ensure_ahead(NOW)
    period = selectors.TimeRange.around(NOW - timedelta(days=2), NOW, NOW)
    low, high = period.id_bounds
    plan = RequestRecord.objects.filter(id__gte=low, id__lt=high).order_by("-id").explain()

    assert "usage_requestrecord_2027_07" in plan
    assert "usage_requestrecord_2027_06" not in plan


def test_old_records_go_and_their_sums_stay(history: Place) -> None:
    long_ago = selectors.TimeRange(NOW - timedelta(days=185), NOW - timedelta(days=175))
    before = selectors.totals(long_ago)
    pruned = retention.prune(NOW, KEEP)

    assert RequestRecord.objects.count() == 200
    assert AttemptRecord.objects.count() > 0
    assert selectors.totals(long_ago) == before
    assert before.requests == 150
    assert not RequestRollup.objects.filter(grain=MINUTE, bucket__lt=NOW.timestamp() - 73 * 3600).exists()
    assert pruned.rollup_rows > 0
    assert (pruned.records > 0) != ("usage_requestrecord_2027_01" in pruned.partitions)
    assert retention.prune(NOW, KEEP) == retention.Pruned([], 0, 0)


def test_there_is_nothing_to_partition_elsewhere(database: Place) -> None:
    if connection.vendor != "postgresql":
        assert partitions.ensure_ahead(NOW) == []
        assert partitions.listing() == []
        assert partitions.remaining(NOW) is None
    else:
        assert partitions.listing()
