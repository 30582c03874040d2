"""What cannot be shipped is set aside whole, and holds nothing else up."""

import time

from tests.usage.conftest import Place
from tests.usage.shipping import assert_sums_agree, ship
from tests.usage.stories import journal, stories
from usage import segments, selectors, spool
from usage.journal import Journal
from usage.models import RequestRecord
from usage.rejects import DIRECTORY
from usage.rowlog import RowWriter, rows


def test_what_the_database_refuses_is_set_aside_and_the_rest_shipped(database: Place) -> None:
    told = stories(40)
    told[17].total_ms, told[17].deployment_id = 1.0, 2**70
    journal(database.spool, told)
    ship(database.spool)

    assert RequestRecord.objects.count() == 39
    assert selectors.find(told[17].id, directory=database.spool) is None
    assert [one.id for one in spool.waiting(database.spool / DIRECTORY)] == [told[17].id]
    assert not segments.listing(database.spool)
    assert_sums_agree()


def test_a_row_that_cannot_be_read_is_set_aside(database: Place) -> None:
    first, second = stories(2)
    writer = Journal(database.spool, "test")
    writer.write(first)
    (segment,) = segments.listing(database.spool)
    beside = RowWriter(segment.path)
    beside.append(time.time(), b'{"id": "torn')
    beside.close()
    writer.write(second)
    writer.close()
    ship(database.spool)

    assert RequestRecord.objects.count() == 2
    (kept,) = segments.listing(database.spool / DIRECTORY)
    assert [row.body for row in rows(kept.path)] == [b'{"id": "torn']


def test_a_segment_that_cannot_be_read_does_not_hold_the_others_up(database: Place) -> None:
    journal(database.spool, stories(5))
    (database.spool / "test-1-broken-000001.segment").write_bytes(b"these are no rows" * 500)
    ship(database.spool)

    assert RequestRecord.objects.count() == 5
    assert (database.spool / DIRECTORY / "test-1-broken-000001.segment").exists()


def test_of_a_segment_that_breaks_off_all_that_is_whole_is_shipped_and_nothing_deleted(database: Place) -> None:
    journal(database.spool, stories(5))
    (segment,) = segments.listing(database.spool)
    with segment.path.open("ab") as file:
        file.write(b"these are no rows" * 500)
    ship(database.spool)

    assert RequestRecord.objects.count() == 5
    assert not segments.listing(database.spool)
    assert b"these are no rows" in (database.spool / DIRECTORY / segment.path.name).read_bytes()
